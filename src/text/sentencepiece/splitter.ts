import type { ByteTrie } from './byte-trie.js';
import type { SentencePieceModel } from './model-file.js';

/** What all ways to split a text look things up in. */
export interface PieceTables {
  readonly model: SentencePieceModel;
  /** The pieces that may be in a text: not control, unknown and byte pieces. */
  readonly trie: ByteTrie;
  /** Of those the user defined ones, which are never split nor joined; undefined: there are none. */
  readonly userDefined: ByteTrie | undefined;
}

/** A text's pieces one after the other: where each ends, in bytes, and its id. */
export interface Split {
  readonly ends: readonly number[];
  readonly ids: readonly number[];
}

/** Splits a normalized text, given as UTF-8, into pieces. */
export type Splitter = (text: Uint8Array) => Split;
