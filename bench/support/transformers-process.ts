import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Batch } from './transformers-generator.js';

/** The process of transformers-generator.ts. */
export class TransformersProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @throws when the model cannot be loaded. */
  static async start(folder: string): Promise<TransformersProcess> {
    const script = fileURLToPath(new URL('transformers-generator.js', import.meta.url));
    const process = new TransformersProcess(fork(script, [folder]));
    await process.#answer();
    return process;
  }

  /** @returns milliseconds. */
  async generate(batch: Batch): Promise<number> {
    this.#child.send(batch);
    return (await this.#answer()) as number;
  }

  close(): void {
    this.#child.kill();
  }

  async #answer(): Promise<unknown> {
    const stop = new AbortController();
    const { signal } = stop;
    try {
      const exit = once(this.#child, 'exit', { signal }).then(() => {
        throw new Error('transformers.js failed');
      });
      const [message] = (await Promise.race([once(this.#child, 'message', { signal }), exit])) as unknown[];
      return message;
    } finally {
      stop.abort();
    }
  }
}
