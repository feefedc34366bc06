import type { Caller } from '#caller.js';
import {
  compileStructure,
  compileStructureAside,
  Refusal,
  type MakeConstraint,
  type Structure,
} from '#structured/index.js';
import type { Tokenizer } from '#text/types.js';
import { JobEnded } from './executor.js';
import type { WorkerPool } from './pool.js';
import type { StructureJob, StructureResult } from './worker.js';

/**
 * Compiles structures of requests for one tokenizer: small ones at once, all else on a thread, in turns with
 * other clients.
 */
export class StructureService {
  readonly #tokenizer: Tokenizer;
  readonly #pool: WorkerPool | undefined;

  /** @param pool undefined: all work is done here. */
  constructor(tokenizer: Tokenizer, pool?: WorkerPool) {
    this.#tokenizer = tokenizer;
    this.#pool = pool;
  }

  /**
   * @returns makes a constraint for one sequence.
   * @throws Refusal where the structure cannot be followed; KvasirError `cancelled`
   */
  async compile(structure: Structure, caller: Caller): Promise<MakeConstraint> {
    const pool = this.#pool;
    if (pool === undefined) return compileStructure(structure, this.#tokenizer);
    return compileStructureAside(
      structure,
      this.#tokenizer,
      async (...[structure, spellable, caller]) => {
        const job: StructureJob = { structure, spellable };
        const result = await pool.run<StructureResult>('structure', job, caller).catch((error: unknown) => {
          if (error instanceof JobEnded) throw new Refusal('', error.message);
          throw error;
        });
        return 'grammar' in result ? result.grammar : new Refusal(result.pointer, result.message);
      },
      caller,
    );
  }
}
