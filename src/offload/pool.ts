import type { Caller } from '#caller.js';
import { KvasirError } from '#errors.js';
import { FairTurns } from '#fair-turns.js';
import type { Executor } from './executor.js';

/**
 * Work whose length a client or a model's publisher chooses, done off the event loop. Each job has limits,
 * and clients take turns, so that nobody waits for anybody else's work but for one job of each.
 */
export class WorkerPool {
  readonly #executor: Executor;
  readonly #turns: FairTurns;

  constructor(executor: Executor) {
    this.#executor = executor;
    this.#turns = new FairTurns(executor.width);
  }

  /**
   * @param name of a function of `worker.ts`.
   * @throws JobEnded; KvasirError `cancelled`, or what the job throws
   */
  run<T>(name: string, data: unknown, caller: Caller): Promise<T> {
    return this.#turns.run(caller, async () => {
      const result = await this.#executor.execute<T>(name, data);
      if (!('error' in result)) return result.value;
      const { code, message, param, numbers } = result.error;
      throw new KvasirError(code, message, { param, numbers });
    });
  }
}
