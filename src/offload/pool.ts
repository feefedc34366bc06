import { Piscina } from 'piscina';
import type { Caller } from '#caller.js';
import { KvasirError } from '#errors.js';
import { FairQueue } from '#fair-queue.js';
import type { JobResult } from './worker.js';

export interface PoolOptions {
  /** Jobs that run at once, each on a thread of its own. */
  readonly threads: number;
  /** Megabytes of JavaScript objects that a thread may hold; one that needs more is ended with its job, and nothing else. */
  readonly heap: number;
  /** Milliseconds after which a job is ended, and its thread with it. */
  readonly timeLimit: number;
}

/** A job that was given up: it took too long or too much memory. */
export class JobEnded extends Error {
  override readonly name = 'JobEnded';
}

interface Job {
  readonly start: () => void;
}

/**
 * Threads for work whose length a client or a model's publisher chooses. Each job has a limit of time and memory, and clients take turns, so
 * that neither the event loop nor another client waits for anybody's work.
 */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #waiting = new FairQueue<Job>();
  #piscina: Piscina | undefined;
  #running = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
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
      return await this.#execute(name, data);
    } finally {
      this.#running--;
      this.#next();
    }
  }

  #next(): void {
    while (this.#running < this.#options.threads) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#running++;
      job.start();
    }
  }

  async #execute<T>(name: string, data: unknown): Promise<T> {
    const { threads, heap, timeLimit } = this.#options;
    this.#piscina ??= new Piscina({
      filename: new URL('./worker.js', import.meta.url).href,
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: Infinity,
      resourceLimits: { maxOldGenerationSizeMb: heap, maxYoungGenerationSizeMb: 16 },
    });
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeLimit);
    let result: JobResult<T>;
    try {
      result = (await this.#piscina.run(data, { name, signal: controller.signal })) as JobResult<T>;
    } catch (error) {
      if (controller.signal.aborted) throw new JobEnded(`takes more than ${timeLimit / 1000} seconds`);
      if ((error as { code?: unknown }).code === 'ERR_WORKER_OUT_OF_MEMORY')
        throw new JobEnded(`takes more than ${heap} MiB of memory`);
      throw error;
    } finally {
      clearTimeout(timer);
    }
    if ('error' in result) {
      const { code, message, param } = result.error;
      throw new KvasirError(code, message, param === undefined ? {} : { param });
    }
    return result.value;
  }
}

function cancelled(): KvasirError {
  return new KvasirError('cancelled', 'the request was cancelled');
}
