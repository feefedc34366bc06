import { KvasirError } from '#errors.js';
import {
  TEXT_FUNCTIONS,
  type TextFunction,
  type TextItem,
  type TextOptions,
  type TextResult,
} from '#text/functions.js';
import type { Tokenizer } from '#text/types.js';
import type { Caller } from '#caller.js';
import { Turns } from '#turns.js';
import { JobEnded } from './executor.js';
import { isPackedEncoding, unpackEncoding } from './packed-encoding.js';
import type { WorkerPool } from './pool.js';

/**
 * Characters (or ids) of a request that are worked on at once: a few milliseconds at most, and less than the
 * way to a thread and back costs.
 */
const INLINE = 4096;

/** Characters of one job of a thread: clients take turns between jobs. */
const JOB = 65_536;

/** Where a tokenizer can be loaded a second time, on a thread. */
export interface RemoteTokenizer {
  readonly pool: WorkerPool;
  readonly folder: string;
  /** Whether its regular expressions may take for ever, so that even a short text is a thread's work. */
  readonly alwaysRemote: boolean;
}

/**
 * A model's tokenizer for the texts of requests: short ones are read at once, all else on a thread, in turns
 * with other clients.
 */
export class TextService {
  readonly #tokenizer: Tokenizer;
  readonly #remote: RemoteTokenizer | undefined;

  /** @param remote undefined: all work is done here, in turns. */
  constructor(tokenizer: Tokenizer, remote?: RemoteTokenizer) {
    this.#tokenizer = tokenizer;
    this.#remote = remote;
  }

  /**
   * Applies one of {@link TEXT_FUNCTIONS} to each item.
   *
   * @param param the field that the items come from, for errors.
   * @throws KvasirError `cancelled`; `invalid_request` where the tokenizer takes too long or too much memory;
   * what the function throws
   */
  async map<F extends TextFunction>(
    name: F,
    items: readonly TextItem<F>[],
    options: TextOptions<F>,
    caller: Caller,
    param: string,
  ): Promise<TextResult<F>[]> {
    const remote = this.#remote;
    const weights = items.map(weightOf);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (remote === undefined || (total <= INLINE && !remote.alwaysRemote))
      return this.#mapHere(name, items, options, caller.signal);
    const results: TextResult<F>[] = [];
    for (let begin = 0, end = 0; begin < items.length; begin = end) {
      for (let weight = 0; end < items.length && (end === begin || weight + weights[end]! <= JOB); end++)
        weight += weights[end]!;
      const data = { folder: remote.folder, name, items: items.slice(begin, end), options };
      const part = await remote.pool.run<TextResult<F>[]>('text', data, caller).catch((error: unknown) => {
        if (!(error instanceof JobEnded)) throw error;
        throw new KvasirError('invalid_request', `the model's tokenizer ${error.message} for ${param}`, {
          param,
        });
      });
      for (const result of part)
        results.push(isPackedEncoding(result) ? (unpackEncoding(result) as TextResult<F>) : result);
    }
    return results;
  }

  async #mapHere<F extends TextFunction>(
    name: F,
    items: readonly TextItem<F>[],
    options: TextOptions<F>,
    signal: AbortSignal,
  ): Promise<TextResult<F>[]> {
    const work = TEXT_FUNCTIONS[name] as (
      tokenizer: Tokenizer,
      item: TextItem<F>,
      options: TextOptions<F>,
    ) => TextResult<F>;
    const results: TextResult<F>[] = [];
    const turns = new Turns();
    for (const item of items) {
      results.push(work(this.#tokenizer, item, options));
      if (!turns.isOver) continue;
      await turns.next();
      if (signal.aborted) throw new KvasirError('cancelled', 'the request was cancelled');
    }
    return results;
  }
}

/** Characters and ids of an item. */
function weightOf(item: unknown): number {
  if (typeof item === 'string') return item.length;
  if (Array.isArray(item))
    return typeof item[0] === 'number'
      ? item.length
      : item.reduce<number>((sum, part) => sum + weightOf(part), 0);
  return Object.values(Object(item) as object).reduce<number>((sum, part) => sum + weightOf(part), 0);
}
