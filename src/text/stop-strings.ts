/** Text that may be shown, and `stopped` if a stop string ended it. */
export interface StoppableText {
  readonly text: string;
  readonly stopped: boolean;
}

/**
 * Looks for stop strings in text that comes in pieces. The end of the text is held back as long as it may
 * become a stop string. The one that is complete first ends the text, however the text was cut; of those that
 * end together, the longest.
 */
export class StopStrings {
  readonly #stops: readonly string[];
  readonly #include: boolean;
  #held = '';
  #found: string | undefined;

  /**
   * @param stops empty ones are ignored, and those with half a surrogate pair, which no text of whole
   * characters has.
   * @param include whether the stop string stays at the end of the text.
   */
  constructor(stops: readonly string[], include: boolean) {
    this.#stops = stops.filter(stop => stop !== '' && !/\p{Surrogate}/u.test(stop));
    this.#include = include;
  }

  /** Length of the text that is held back, in UTF-16 units. */
  get held(): number {
    return this.#held.length;
  }

  /** The stop string that ended the text. */
  get found(): string | undefined {
    return this.#found;
  }

  /**
   * @param piece what follows; nothing may be pushed once `stopped` was returned.
   * @param mayStop false where a stop string that ends in the piece does not count.
   */
  push(piece: string, mayStop = true): StoppableText {
    const text = this.#held + piece;
    const match = mayStop ? this.#find(text, this.#held.length) : undefined;
    if (match !== undefined) {
      this.#held = '';
      this.#found = text.slice(match.start, match.end);
      return { text: text.slice(0, this.#include ? match.end : match.start), stopped: true };
    }
    const shown = text.length - this.#unfinished(text);
    this.#held = text.slice(shown);
    return { text: text.slice(0, shown), stopped: false };
  }

  /** @returns what was held back, when no text follows. */
  flush(): string {
    const text = this.#held;
    this.#held = '';
    return text;
  }

  /** The stop string that is complete first of those that end after a place. */
  #find(text: string, after: number): { start: number; end: number } | undefined {
    let found: { start: number; end: number } | undefined;
    for (const stop of this.#stops) {
      const start = text.indexOf(stop, Math.max(0, after + 1 - stop.length));
      if (start < 0) continue;
      const end = start + stop.length;
      if (found === undefined || end < found.end || (end === found.end && start < found.start))
        found = { start, end };
    }
    return found;
  }

  /** The length of the longest end of `text` with which a stop string begins. */
  #unfinished(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
