import type { JobResult } from './worker.js';

/** A job that was given up: it took too long or too much memory. */
export class JobEnded extends Error {
  override readonly name = 'JobEnded';
}

/** Runs jobs elsewhere than on the event loop. */
export interface Executor {
  /** Jobs that run at once. */
  readonly width: number;
  /**
   * @param name of a function of `worker.ts`.
   * @throws JobEnded
   */
  execute<T>(name: string, data: unknown): Promise<JobResult<T>>;
}
