/** How much a measured time counts against what was known before. */
const WEIGHT = 0.2;
/** Sizes are multiples of this: kernels work on that many rows at a time, or on a multiple of it. */
const GRANULE = 16;

export interface ChunkSizeOptions {
  /** Longest run, which is used while nothing decodes. */
  readonly longest: number;
  /** By what part of its own time a decode step may be held up by a chunk of somebody's prompt; above 0. */
  readonly stall: number;
}

/** Chooses how many tokens of a prompt go into one run, from the times that runs took. */
export class ChunkSize {
  readonly #options: ChunkSizeOptions;
  #decodeMs: number | undefined;
  #tokenMs: number | undefined;

  constructor(options: ChunkSizeOptions) {
    this.#options = options;
  }

  observeDecode(ms: number): void {
    this.#decodeMs = average(this.#decodeMs, ms);
  }

  observePrefill(tokens: number, ms: number): void {
    this.#tokenMs = average(this.#tokenMs, ms / tokens);
  }

  /** @param decoding whether anybody would be held up. */
  tokens(decoding: boolean): number {
    const { longest, stall } = this.#options;
    if (!decoding || this.#tokenMs === undefined || this.#decodeMs === undefined) return longest;
    const bearable = (stall * this.#decodeMs) / this.#tokenMs;
    return Math.min(longest, Math.max(GRANULE, Math.floor(bearable / GRANULE) * GRANULE));
  }
}

function average(before: number | undefined, now: number): number {
  return before === undefined ? now : before + WEIGHT * (now - before);
}
