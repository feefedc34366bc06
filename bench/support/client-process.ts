import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ObservedStream, StreamingLoad } from './streaming-clients.js';

/** The process of streaming-clients.ts. */
export class ClientProcess {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('streaming-clients.js', import.meta.url)));

  /** @throws when a client's stream breaks off. */
  run(load: StreamingLoad): Promise<ObservedStream[]> {
    this.#child.send(load);
    return new Promise((resolve, reject) => {
      const left = (): void => reject(new Error('the clients failed'));
      this.#child.once('exit', left).once('message', streams => {
        this.#child.off('exit', left);
        resolve(streams as ObservedStream[]);
      });
    });
  }

  close(): void {
    this.#child.kill();
  }
}
