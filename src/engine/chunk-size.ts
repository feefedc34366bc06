/** How much a measured time counts against what was known before. */
const WEIGHT = 0.2;
/**
 * Sizes are multiples of this: kernels work on that many rows at a time, or on a multiple of it, and reading the weights costs the same for
 * fewer.
 */
const GRANULE = 16;
/** Decode steps for which time may be saved up, to be spent on one short prompt or the beginning of a long one. */
const SAVED_STEPS = 4;

export interface ChunkSizeOptions {
  /** Longest run, which is used while nothing decodes. */
  readonly longest: number;
  /** By what part of its own time a decode step may be held up for each prompt that waits, on average; above 0. */
  readonly stall: number;
}

/**
 * Chooses how many tokens of prompts go into one run, from the times that runs took.
 *
 * Each decode step earns time for prompts: a share of its own time for each sequence that waits. The more wait, the sooner they should all
 * decode together, which takes hardly longer than decoding a few. A run of prompts spends what was saved up, and waits until that is worth
 * a run: better a longer pause now and then than one in every step.
 */
export class ChunkSize {
  readonly #options: ChunkSizeOptions;
  readonly #granule: number;
  #decodeMs: number | undefined;
  #tokenMs: number | undefined;
  #savedMs = 0;
  /** What the next decode step earns. */
  #earnedMs = 0;

  constructor(options: ChunkSizeOptions) {
    this.#options = options;
    this.#granule = Math.min(GRANULE, options.longest);
  }

  observeDecode(ms: number): void {
    this.#decodeMs = average(this.#decodeMs, ms);
    // Always enough for the shortest chunk, however the division rounds.
    const most = Math.max(SAVED_STEPS * this.#earnedMs, (this.#granule + 1) * (this.#tokenMs ?? 0));
    this.#savedMs = Math.min(this.#savedMs + this.#earnedMs, most);
  }

  observePrefill(tokens: number, ms: number): void {
    this.#tokenMs = average(this.#tokenMs, ms / tokens);
    this.#savedMs = Math.max(0, this.#savedMs - ms);
  }

  /**
   * Called before each step.
   *
   * @param decoding sequences that a run of prompts holds up.
   * @param waiting sequences whose prompts are not run yet and could be.
   * @returns 0 where the decoding ones come first.
   */
  tokens(decoding: number, waiting: number): number {
    const { longest, stall } = this.#options;
    if (decoding === 0 || this.#tokenMs === undefined || this.#decodeMs === undefined) return longest;
    this.#earnedMs = stall * this.#decodeMs * Math.max(1, waiting);
    return Math.min(longest, Math.floor(this.#savedMs / this.#tokenMs / this.#granule) * this.#granule);
  }
}

function average(before: number | undefined, now: number): number {
  return before === undefined ? now : before + WEIGHT * (now - before);
}
