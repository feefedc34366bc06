import type { RunTime } from '#model/decoder/contract.js';
import type { Demand } from './scheduler.js';

/** How much a measured time counts against what was known before. */
const WEIGHT = 0.2;
/**
 * Sizes are multiples of this: kernels work on that many rows at a time, or on a multiple of it, and reading
 * the weights costs the same for fewer.
 */
const GRANULE = 16;
/**
 * Decode steps for which time may be saved up. More than 20, so that of a stream's tokens fewer than one in
 * 20 come late: two runs of 128 tokens take a quarter less time than eight of 32, and a pause now and then is
 * better than one in every step.
 */
const SAVED_STEPS = 24;

export interface ChunkSizeOptions {
  /** Longest run, which is used while nothing decodes. */
  readonly longest: number;
  /**
   * What prompts may take for each one that waits, as a share of the time of decode steps; above 0. Where
   * they share runs with decode steps: their part of a run, as a share of the longest.
   */
  readonly prefillShare: number;
  /** See {@link DecoderTraits.mixes}; default false. */
  readonly mixes?: boolean | undefined;
}

/**
 * Chooses how many tokens of prompts go into one run.
 *
 * Where they share it with sequences that decode, each step takes as many, as long as any wait: those that
 * decode ride along, and steps of a few of them alone, which cost as much as steps of many, come only when no
 * prompt is left.
 *
 * Otherwise it goes by the times that runs took. Each decode step earns time for prompts: a share of its own time for each sequence that waits. The more
 * wait, the sooner they should all decode together, which takes hardly longer than decoding a few. A run of
 * prompts spends what was saved up. It comes at once where that is enough for all that waits, as it is for a
 * short prompt or some that come together; otherwise when no more can be saved.
 */
export class ChunkSize {
  readonly #options: ChunkSizeOptions;
  readonly #granule: number;
  #decodeMs: number | undefined;
  #tokenMs: number | undefined;
  /** Undefined until a decode step was measured: as much as may be. */
  #savedMs: number | undefined;
  #demand: Demand = { decoding: 0, waiting: 0, tokens: 0 };

  constructor(options: ChunkSizeOptions) {
    this.#options = options;
    this.#granule = Math.min(GRANULE, options.longest);
  }

  /** Learns from the runs of a step. */
  observe(runs: readonly RunTime[]): void {
    if (this.#options.mixes) return;
    let [decodeMs, promptMs, tokens] = [0, 0, 0];
    for (const { promptTokens, ms } of runs) {
      if (promptTokens === 0) decodeMs += ms;
      else promptMs += ms;
      tokens += promptTokens;
    }
    if (tokens > 0) this.#spend(tokens, promptMs);
    if (decodeMs > 0) this.#earn(decodeMs);
  }

  #earn(ms: number): void {
    this.#decodeMs = average(this.#decodeMs, ms);
    const earned = this.#options.prefillShare * this.#decodeMs * Math.max(1, this.#demand.waiting);
    this.#savedMs = Math.min((this.#savedMs ?? Infinity) + earned, this.#mostMs(this.#decodeMs));
  }

  #spend(tokens: number, ms: number): void {
    this.#tokenMs = average(this.#tokenMs, ms / tokens);
    if (this.#savedMs === undefined || this.#demand.decoding === 0) return;
    // A debt makes up for runs that took longer than was saved, but one run in a bad moment must not keep
    // prompts waiting for long.
    this.#savedMs = Math.max(this.#savedMs - ms, -this.#mostMs(this.#decodeMs!));
  }

  /**
   * Called before each step.
   *
   * @returns 0 where the decoding ones come first.
   */
  tokens(demand: Demand): number {
    this.#demand = demand;
    const { longest, prefillShare, mixes } = this.#options;
    if (mixes && demand.decoding > 0) return this.#part(longest * prefillShare - demand.decoding);
    if (demand.decoding === 0 || this.#tokenMs === undefined || this.#savedMs === undefined) return longest;
    const affordable = this.#savedMs / this.#tokenMs;
    if (affordable < Math.min(demand.tokens, longest) && this.#savedMs < this.#mostMs(this.#decodeMs!))
      return 0;
    return this.#part(affordable);
  }

  /** Whole granules, at least one, and no more than the longest run. */
  #part(tokens: number): number {
    const granules = Math.max(1, Math.ceil(tokens / this.#granule));
    return Math.min(this.#options.longest, granules * this.#granule);
  }

  /** What can be saved: always enough for the shortest run. */
  #mostMs(decodeMs: number): number {
    return Math.max(
      SAVED_STEPS * this.#options.prefillShare * decodeMs,
      this.#granule * (this.#tokenMs ?? 0),
    );
  }
}

function average(before: number | undefined, now: number): number {
  return before === undefined ? now : before + WEIGHT * (now - before);
}
