import type { Caller } from './caller.js';
import { KvasirError } from './errors.js';
import { FairQueue } from './fair-queue.js';

interface Job {
  readonly start: () => void;
}

/** Work of which no more than some is under way at once; clients take turns at what waits. */
export class FairTurns {
  readonly #atOnce: number;
  readonly #waiting = new FairQueue<Job>();
  #running = 0;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /**
   * Does a client's work when it is its turn. The signal takes it back as long as it waits; what runs sees to its
   * own end.
   *
   * @throws KvasirError `cancelled`, or what the work throws
   */
  async run<T>({ client, signal }: Caller, work: () => Promise<T>): Promise<T> {
    if (signal.aborted) throw cancelled();
    await new Promise<void>((resolve, reject) => {
      const job: Job = {
        start: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = (): void => {
        this.#waiting.remove(job);
        reject(cancelled());
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push([client], job);
      this.#next();
    });
    try {
      return await work();
    } finally {
      this.#running--;
      this.#next();
    }
  }

  #next(): void {
    while (this.#running < this.#atOnce) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#running++;
      job.start();
    }
  }
}

function cancelled(): KvasirError {
  return new KvasirError('cancelled', 'the request was cancelled');
}
