import type { SequenceReport } from './types.js';

/** When a request got on, and what it found in the cache. */
export class Progress {
  readonly #added = performance.now();
  #started: number | undefined;
  #firstToken: number | undefined;
  #reused = 0;

  get started(): boolean {
    return this.#started !== undefined;
  }

  /** Tokens of source and prompt that were in the cache already when it first got a slot. */
  get reused(): number {
    return this.#reused;
  }

  /** Notes the first run, before it. */
  start(reused: number): void {
    this.#started = performance.now();
    this.#reused = reused;
  }

  /** Notes a token. */
  gotToken(): void {
    this.#firstToken ??= performance.now();
  }

  /** What it took until now. */
  report(found: Omit<SequenceReport, 'cachedTokens' | 'queueMs' | 'prefillMs' | 'decodeMs'>): SequenceReport {
    const started = this.#started ?? this.#added;
    const firstToken = this.#firstToken ?? started;
    return {
      ...found,
      cachedTokens: this.#reused,
      queueMs: started - this.#added,
      prefillMs: firstToken - started,
      decodeMs: performance.now() - firstToken,
    };
  }
}
