import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ask } from './ask.js';
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
    const child = fork(script, [folder]);
    await ask(child);
    return new TransformersProcess(child);
  }

  /** @returns milliseconds. */
  generate(batch: Batch): Promise<number> {
    return ask(this.#child, batch);
  }

  close(): void {
    this.#child.kill();
  }
}
