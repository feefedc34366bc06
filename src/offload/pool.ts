import type { Caller } from '#caller.js';
import { KvasirError } from '#errors.js';
import { FairQueue } from '#fair-queue.js';
import type { Executor } from './executor.js';

interface Job {
  readonly start: () => void;
}

/**
 * Work whose length a client or a model's publisher chooses, done off the event loop. Each job has limits,
 * and clients take turns, so that nobody waits for anybody else's work but for one job of each.
 */
export class WorkerPool {
  readonly #executor: Executor;
  readonly #waiting = new FairQueue<Job>();
  #running = 0;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /**
   * @param name of a function of `worker.ts`.
   * @throws JobEnded; KvasirError `cancelled`, or what the job throws
   */
  async run<T>(name: string, data: unknown, { client, signal }: Caller): Promise<T> {
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
      const result = await this.#executor.execute<T>(name, data);
      if (!('error' in result)) return result.value;
      const { code, message, param, numbers } = result.error;
      throw new KvasirError(code, message, { param, numbers });
    } finally {
      this.#running--;
      this.#next();
    }
  }

  #next(): void {
    while (this.#running < this.#executor.width) {
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
