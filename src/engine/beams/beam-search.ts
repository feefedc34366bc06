import type { BeamParameters } from './types.js';

/** What may follow a row's text. */
export interface Continuation {
  readonly id: number;
  /** The logarithm of its probability, as rules changed it; above -Infinity. */
  readonly logprob: number;
}

/** A continuation that was chosen. */
export interface Child extends Continuation {
  /** The row that it continues, as {@link BeamSearch.advance} counts them. */
  readonly parent: number;
  /** Sum of all log-probabilities, its own included. */
  readonly sum: number;
}

/** A hypothesis that has ended. */
export interface Ended<T> {
  readonly text: T;
  readonly sum: number;
  /** See {@link BeamParameters.lengthPenalty}. */
  readonly score: number;
}

/** What a step of a search came to. */
export interface SearchStep {
  /** What is extended next, the best first; as many rows from now on. */
  readonly children: readonly Child[];
  /** Whether the search is over: its results stand. */
  readonly isOver: boolean;
}

export interface BeamSearchOptions<T> extends BeamParameters {
  /** Tokens that end a hypothesis. */
  readonly stopIds: ReadonlySet<number>;
  /** Most tokens of a hypothesis, at least 1. */
  readonly maxTokens: number;
  /** The text of a row with one more token, called when it ends. */
  readonly textOf: (child: Child) => T;
}

/**
 * The choices of a beam search, with the scores and the end of transformers' `generate`. It knows nothing of
 * texts: rows are numbers, and a row's candidates come from whoever runs the model.
 *
 * Of all rows' candidates, the `width` best that do not end go on. One that ends is kept if it is among the
 * `width` best of all, and among the `width` best that have ended. It starts with one row.
 */
export class BeamSearch<T> {
  readonly #options: BeamSearchOptions<T>;
  /** The best that have ended, the best first. */
  #ended: Ended<T>[] = [];
  /** Of the rows that are extended. */
  #sums: readonly number[] = [0];
  #length = 0;

  constructor(options: BeamSearchOptions<T>) {
    this.#options = options;
  }

  /** How many of a row's best candidates can matter. */
  get candidates(): number {
    const { width, stopIds } = this.#options;
    return width + stopIds.size;
  }

  /** Those that are wanted, the best first, when the search is over. */
  get results(): readonly Ended<T>[] {
    return this.#ended.slice(0, this.#options.results);
  }

  /**
   * Extends all rows by a token.
   *
   * @param rows what may follow each, at least its {@link candidates} best where there are as many, the best
   * first.
   */
  advance(rows: readonly (readonly Continuation[])[]): SearchStep {
    const { width, stopIds, maxTokens } = this.#options;
    this.#length++;
    const isLast = this.#length >= maxTokens;
    const all = rows.flatMap((row, parent) =>
      row.map(({ id, logprob }): Child => ({ parent, id, logprob, sum: this.#sums[parent]! + logprob })),
    );
    all.sort((a, b) => b.sum - a.sum);
    const children: Child[] = [];
    all.forEach((child, rank) => {
      const ends = isLast || stopIds.has(child.id);
      if (ends && rank < width) this.#end(child);
      if (!ends && children.length < width) children.push(child);
    });
    this.#sums = children.map(({ sum }) => sum);
    return { children, isOver: children.length === 0 || this.#isDecided() };
  }

  #end(child: Child): void {
    const { width, textOf } = this.#options;
    this.#ended.push({ text: textOf(child), sum: child.sum, score: this.#score(child.sum, this.#length) });
    this.#ended.sort((a, b) => b.score - a.score);
    this.#ended.length = Math.min(this.#ended.length, width);
  }

  /** Whether those that have ended stay, whatever the others come to. */
  #isDecided(): boolean {
    const { width, earlyStopping, lengthPenalty, maxTokens } = this.#options;
    if (this.#ended.length < width) return false;
    if (earlyStopping === true) return true;
    const length = earlyStopping === 'never' && lengthPenalty > 0 ? maxTokens : this.#length;
    return this.#score(this.#sums[0]!, length) <= this.#ended.at(-1)!.score;
  }

  #score(sum: number, length: number): number {
    return sum / length ** this.#options.lengthPenalty;
  }
}
