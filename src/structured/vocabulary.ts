import { setImmediate as nextTurn } from 'node:timers/promises';
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
const loading = new WeakMap<Tokenizer, Promise<Vocabulary>>();

/** Milliseconds that reading a vocabulary may keep the event loop to itself. */
const TURN = 5;

/** Tokens between two looks at the clock. */
const PART = 256;

/** The vocabulary of a tokenizer, read at the first use. */
export function vocabularyOf(tokenizer: Tokenizer): Vocabulary {
  let vocabulary = known.get(tokenizer);
  if (vocabulary === undefined) {
    const reading = readVocabulary(tokenizer);
    let part = reading.next();
    while (part.done !== true) part = reading.next();
    known.set(tokenizer, (vocabulary = part.value));
  }
  return vocabulary;
}

/** The same in turns with other work: a large vocabulary takes some hundred milliseconds. */
export async function loadVocabulary(tokenizer: Tokenizer): Promise<Vocabulary> {
  const vocabulary = known.get(tokenizer);
  if (vocabulary !== undefined) return vocabulary;
  let promise = loading.get(tokenizer);
  if (promise === undefined) loading.set(tokenizer, (promise = inTurns(readVocabulary(tokenizer))));
  const loaded = await promise;
  known.set(tokenizer, loaded);
  return loaded;
}

async function inTurns<T>(work: Generator<undefined, T>): Promise<T> {
  let began = performance.now();
  for (;;) {
    const part = work.next();
    if (part.done === true) return part.value;
    if (performance.now() - began < TURN) continue;
    await nextTurn();
    began = performance.now();
  }
}

function* readVocabulary(tokenizer: Tokenizer): Generator<undefined, Vocabulary> {
  const size = tokenizer.vocabularySize;
  const bytesOf = tokenBytesOf(tokenizer);
  const tokenBytes: (Uint8Array | undefined)[] = [];
  const spellable = new Set<number>();
  for (let id = 0; id < size; id++) {
    const bytes = tokenizer.specialIds.has(id) ? undefined : bytesOf(id);
    const isUsable = bytes !== undefined && bytes.length > 0 && bytes.length <= LONGEST;
    tokenBytes.push(isUsable ? bytes : undefined);
    if (bytes?.length === 1) spellable.add(bytes[0]!);
    if (id % PART === 0) yield;
  }
  return { size, tokenBytes, trie: yield* buildTrie(tokenBytes), spellable };
}

/**
 * The children of a node are a list, the first one linked from the node, each further one from the one before
 * it.
 */
function* buildTrie(tokenBytes: readonly (Uint8Array | undefined)[]): Generator<undefined, TokenTrie> {
  const most = tokenBytes.reduce((sum, token) => sum + (token?.length ?? 0), 1);
  yield;
  const linked = {
    bytes: new Uint8Array(most),
    tokens: new Int32Array(most).fill(-1),
    children: new Int32Array(most),
    siblings: new Int32Array(most),
  };
  const linkedTwins = new Map<number, number[]>();
  let nodes = 1;
  for (const [id, token] of tokenBytes.entries()) {
    if (id % PART === 0) yield;
    if (token === undefined) continue;
    let node = 0;
    for (const byte of token) {
      let child = linked.children[node]!;
      while (child !== 0 && linked.bytes[child] !== byte) child = linked.siblings[child]!;
      if (child === 0) {
        child = nodes++;
        linked.bytes[child] = byte;
        linked.siblings[child] = linked.children[node]!;
        linked.children[node] = child;
      }
      node = child;
    }
    if (linked.tokens[node] === -1) linked.tokens[node] = id;
    else linkedTwins.set(node, [...(linkedTwins.get(node) ?? []), id]);
  }

  const trie = {
    bytes: new Uint8Array(nodes),
    depths: new Uint8Array(nodes),
    ends: new Int32Array(nodes),
    tokens: new Int32Array(nodes),
  };
  const twins = new Map<number, readonly number[]>();
  let longest = 0;
  /** Nodes that are numbered by their way from the root, and what they were before. */
  const path: { number: number; node: number }[] = [];
  let number = 0;
  for (let node = 0; ;) {
    if (number % PART === 0) yield;
    trie.bytes[number] = linked.bytes[node]!;
    trie.depths[number] = path.length;
    trie.tokens[number] = linked.tokens[node]!;
    if (linkedTwins.has(node)) twins.set(number, linkedTwins.get(node)!);
    longest = Math.max(longest, path.length);
    path.push({ number: number++, node });
    let next = linked.children[node]!;
    while (next === 0 && path.length > 0) {
      const left = path.pop()!;
      trie.ends[left.number] = number;
      next = linked.siblings[left.node]!;
    }
    if (next === 0) return { ...trie, twins, longest };
    node = next;
  }
}
