import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ask } from './ask.js';
import type { ObservedStream, StreamingLoad } from './streaming-clients.js';

/** The process of streaming-clients.ts. */
export class ClientProcess {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('streaming-clients.js', import.meta.url)));

  /** @throws when a client's stream breaks off. */
  run(load: StreamingLoad): Promise<ObservedStream[]> {
    return ask(this.#child, load);
  }

  close(): void {
    this.#child.kill();
  }
}
