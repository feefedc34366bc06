import { readFileSync } from 'node:fs';

/** What `make_words.py` wrote. */
export interface WordsFixture {
  /** Ids from here on are not text. */
  readonly end: number;
  readonly splits: readonly {
    readonly language: string;
    /** The bytes of each token. */
    readonly pieces: readonly (readonly number[])[];
    readonly words: readonly (readonly [word: string, tokens: readonly number[]])[];
  }[];
  readonly paths: readonly {
    readonly heads: number;
    readonly tokens: number;
    readonly part: { readonly begin: number; readonly end: number; readonly positions: number };
    readonly weights: readonly number[];
    readonly times: readonly number[];
  }[];
  readonly placements: readonly {
    readonly timings: readonly {
      readonly word: string;
      readonly tokens: readonly number[];
      readonly start: number;
      readonly end: number;
      readonly probability: number;
    }[];
    readonly segments: readonly {
      readonly start: number;
      readonly end: number;
      readonly tokens: readonly number[];
    }[];
    readonly offset: number;
    readonly lastSpeech: number;
    readonly placed: readonly (readonly [
      start: number,
      end: number,
      words: readonly (readonly [word: string, start: number, end: number, probability: number])[],
    ])[];
  }[];
}

export const WORDS_FIXTURE = JSON.parse(readFileSync('test/fixtures/words.json', 'utf8')) as WordsFixture;
