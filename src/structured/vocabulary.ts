import { tokenBytes as tokenBytesOf } from '#text/token-bytes.js';
import type { Tokenizer } from '#text/types.js';

/** Most bytes of a token; longer ones are never used. */
const LONGEST = 255;

/**
 * The tokens of a vocabulary as a trie over their bytes, its nodes in depth-first order; node 0 is the root.
 */
interface TokenTrie {
  /** The last byte of each node's prefix. */
  readonly bytes: Uint8Array;
  /** Length of each node's prefix. */
  readonly depths: Uint8Array;
  /** The first node that is not below. */
  readonly ends: Int32Array;
  /** The token that is the node's prefix, or -1. */
  readonly tokens: Int32Array;
  /** Further tokens of the same bytes. */
  readonly twins: ReadonlyMap<number, readonly number[]>;
  /** Bytes of the longest token. */
  readonly longest: number;
}

/** The tokens of a tokenizer as bytes. */
export interface Vocabulary {
  readonly size: number;
  /** The bytes of each token; undefined for those that are not text. */
  readonly tokenBytes: readonly (Uint8Array | undefined)[];
  readonly trie: TokenTrie;
  /** Bytes that have a token of their own. */
  readonly spellable: ReadonlySet<number>;
}

const known = new WeakMap<Tokenizer, Vocabulary>();

/** The vocabulary of a tokenizer, built at the first use. */
export function vocabularyOf(tokenizer: Tokenizer): Vocabulary {
  let vocabulary = known.get(tokenizer);
  if (vocabulary === undefined) known.set(tokenizer, (vocabulary = readVocabulary(tokenizer)));
  return vocabulary;
}

function readVocabulary(tokenizer: Tokenizer): Vocabulary {
  const size = tokenizer.vocabularySize;
  const bytesOf = tokenBytesOf(tokenizer);
  const tokenBytes = Array.from({ length: size }, (_, id) => {
    const bytes = tokenizer.specialIds.has(id) ? undefined : bytesOf(id);
    return bytes === undefined || bytes.length === 0 || bytes.length > LONGEST ? undefined : bytes;
  });
  const spellable = new Set(tokenBytes.flatMap(bytes => (bytes?.length === 1 ? [bytes[0]!] : [])));
  return { size, tokenBytes, trie: buildTrie(tokenBytes), spellable };
}

function buildTrie(tokenBytes: readonly (Uint8Array | undefined)[]): TokenTrie {
  const ids = [...tokenBytes.keys()].filter(id => tokenBytes[id] !== undefined);
  // Strings of one character per byte compare faster than bytes.
  const keys = tokenBytes.map(token => (token === undefined ? '' : Buffer.from(token).toString('latin1')));
  ids.sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b));
  const bytes = [0];
  const depths = [0];
  const ends = [0];
  const tokens = [-1];
  const twins = new Map<number, number[]>();
  /** Nodes of the path to the last token. */
  const path = [0];
  let previous: Uint8Array = new Uint8Array();
  for (const id of ids) {
    const token = tokenBytes[id]!;
    let shared = 0;
    while (shared < previous.length && shared < token.length && previous[shared] === token[shared]) shared++;
    for (const node of path.splice(shared + 1)) ends[node] = bytes.length;
    for (let depth = shared; depth < token.length; depth++) {
      path.push(bytes.length);
      depths.push(depth + 1);
      ends.push(0);
      tokens.push(-1);
      bytes.push(token[depth]!);
    }
    const node = path.at(-1)!;
    if (tokens[node] === -1) tokens[node] = id;
    else twins.set(node, [...(twins.get(node) ?? []), id]);
    previous = token;
  }
  for (const node of path) ends[node] = bytes.length;
  return {
    bytes: Uint8Array.from(bytes),
    depths: Uint8Array.from(depths),
    ends: Int32Array.from(ends),
    tokens: Int32Array.from(tokens),
    twins,
    longest: depths.reduce((a, b) => Math.max(a, b), 0),
  };
}
