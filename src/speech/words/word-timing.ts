/** A word as it is being placed in time: what is done to it is told in `place-words.ts`. */
export interface WordTiming {
  word: string;
  tokens: readonly number[];
  /** Seconds of the window. */
  start: number;
  end: number;
  /** `[0, 1]`: mean of its tokens'. */
  readonly probability: number;
}
