import type { Tokenizer } from '../text/types.js';

/** Longest token that is used, in bytes. */
const LONGEST = 255;

/** The tokens of a vocabulary as a trie over their bytes, its nodes in depth-first order; node 0 is the root. */
export interface TokenTrie {
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

/** What structured output needs to know of a tokenizer. */
export interface Vocabulary {
  readonly size: number;
  /** The bytes of each token; undefined for those that are not text. */
  readonly tokenBytes: readonly (Uint8Array | undefined)[];
  readonly trie: TokenTrie;
  /** Bytes that some token consists of alone. */
  readonly spellable: ReadonlySet<number>;
}

const known = new WeakMap<Tokenizer, Vocabulary>();

/** Built at the first use. */
export function vocabularyOf(tokenizer: Tokenizer): Vocabulary {
  let vocabulary = known.get(tokenizer);
  if (vocabulary === undefined) known.set(tokenizer, (vocabulary = readVocabulary(tokenizer)));
  return vocabulary;
}

function readVocabulary(tokenizer: Tokenizer): Vocabulary {
  const size = tokenizer.vocabularySize;
  const bytesOf = tokenReader(tokenizer);
  const tokenBytes = Array.from({ length: size }, (_, id) => {
    const bytes = tokenizer.specialIds.has(id) ? undefined : bytesOf(id);
    return bytes === undefined || bytes.length === 0 || bytes.length > LONGEST ? undefined : bytes;
  });
  const spellable = new Set(tokenBytes.flatMap(bytes => (bytes?.length === 1 ? [bytes[0]!] : [])));
  return { size, tokenBytes, trie: buildTrie(tokenBytes), spellable };
}

/** GPT-2's printable stand-ins for bytes, by character. */
const BYTE_LEVEL = ((): ReadonlyMap<string, number> => {
  let moved = 0x100;
  return new Map(
    Array.from({ length: 256 }, (_, byte) => {
      const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
      return [String.fromCharCode(printable ? byte : moved++), byte];
    }),
  );
})();

const encoder = new TextEncoder();

/** How the vocabulary's own spelling of a token becomes bytes: a token may be part of a character, so its text does not tell. */
function tokenReader(tokenizer: Tokenizer): (id: number) => Uint8Array | undefined {
  const space = tokenizer.id('Ġ');
  if (space !== undefined && tokenizer.decode([space]) === ' ') {
    return id => {
      const spelling = tokenizer.token(id);
      if (spelling === undefined) return undefined;
      const bytes = Array.from(spelling, character => BYTE_LEVEL.get(character));
      // An added token, such as one with a space, is spelled as it is read.
      return bytes.includes(undefined) ? encoder.encode(spelling) : Uint8Array.from(bytes as number[]);
    };
  }
  const metaspace = tokenizer.id('▁') !== undefined || tokenizer.id('<0x0A>') !== undefined;
  return id => {
    const spelling = tokenizer.token(id);
    if (spelling === undefined) return undefined;
    const byte = /^<0x([\dA-F]{2})>$/.exec(spelling);
    if (byte !== null) return Uint8Array.of(parseInt(byte[1]!, 16));
    return encoder.encode(metaspace ? spelling.replaceAll('▁', ' ') : tokenizer.decode([id]));
  };
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
