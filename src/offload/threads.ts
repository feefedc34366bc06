import { Piscina } from 'piscina';
import type { Executor } from './executor.js';
import { JobEnded } from './executor.js';
import type { JobResult } from './worker.js';

/**
 * Threads of this process: for work that may be long, but whose memory is bounded by the size of a request.
 */
export class Threads implements Executor {
  readonly width: number;
  readonly #timeLimit: number;
  #piscina: Piscina | undefined;

  /** @param timeLimit milliseconds after which a job is ended, and its thread with it. */
  constructor(width: number, timeLimit: number) {
    this.width = width;
    this.#timeLimit = timeLimit;
  }

  async execute<T>(name: string, data: unknown): Promise<JobResult<T>> {
    this.#piscina ??= new Piscina({
      filename: new URL('./worker.js', import.meta.url).href,
      minThreads: 0,
      maxThreads: this.width,
      idleTimeout: Infinity,
    });
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), this.#timeLimit);
    try {
      return (await this.#piscina.run(data, { name, signal: controller.signal })) as JobResult<T>;
    } catch (error) {
      throw controller.signal.aborted
        ? new JobEnded(`takes more than ${this.#timeLimit / 1000} seconds`)
        : error;
    } finally {
      clearTimeout(timer);
    }
  }
}
