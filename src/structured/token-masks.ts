import { KvasirError } from '#errors.js';
import {
  counted,
  distance,
  distanceAfter,
  mayEnd,
  missing,
  NO_CALLER,
  ownDistance,
  step,
  type Frame,
} from './frames.js';
import { STATE, type Grammar } from './grammar.js';
import type { Vocabulary } from './vocabulary.js';

/** Masks kept for one grammar: 6 KiB each at 49,152 tokens. */
const KEPT = 256;

/**
 * Nodes of the trie that may be looked at for one step of one text, in all of the alternatives that are open:
 * some 100 ms.
 */
const MOST_VISITS = 6_000_000;

/** The tokens that may follow a state of a rule, judged by the rule alone. */
interface RuleMask {
  readonly bits: Uint32Array;
  /** Nodes of the trie at which the rule may end: the caller decides about what comes after them. */
  readonly exits: readonly number[];
  /** Largest distance to the rule's end after one of the tokens. */
  readonly peak: number;
}

const stringMasks = new WeakMap<Vocabulary, Map<number, RuleMask>>();

function isWithin(states: Grammar['anyString'], state: number): states is NonNullable<Grammar['anyString']> {
  return states !== undefined && state >= states.first && state < states.end;
}

/** Finds the tokens that may follow. One object serves all sequences of a grammar. */
export class TokenMasks {
  readonly grammar: Grammar;
  readonly vocabulary: Vocabulary;
  /** The result of the last call: one bit per token, the lowest first. */
  readonly bits: Uint32Array;
  readonly #kept = new Map<string, RuleMask>();
  /** Of the states of any string, by their order: the same for all grammars of the vocabulary. */
  readonly #ofStrings: Map<number, RuleMask>;
  readonly #mostVisits: number;
  /** Nodes looked at for this step. */
  #visits = 0;
  /** Entries of the lists in them. */
  #exits = 0;
  // By depth in the trie: the state and count of the prefix, or -1 and its frames.
  readonly #states: Int32Array;
  readonly #counts: Int32Array;
  readonly #frames: Frame[][];

  /** @param mostVisits nodes of the trie that may be looked at for one step. */
  constructor(grammar: Grammar, vocabulary: Vocabulary, mostVisits = MOST_VISITS) {
    this.#mostVisits = mostVisits;
    this.grammar = grammar;
    this.vocabulary = vocabulary;
    let ofStrings = stringMasks.get(vocabulary);
    if (ofStrings === undefined) stringMasks.set(vocabulary, (ofStrings = new Map<number, RuleMask>()));
    this.#ofStrings = ofStrings;
    const { longest } = vocabulary.trie;
    this.bits = new Uint32Array(Math.ceil(vocabulary.size / 32));
    this.#states = new Int32Array(longest + 1);
    this.#counts = new Int32Array(longest + 1);
    this.#frames = Array.from({ length: longest + 1 }, () => []);
  }

  /** Bytes of the grammar and of all that is kept for it, about. */
  get bytes(): number {
    return this.grammar.bytes + this.#kept.size * this.bits.byteLength + this.#exits * 8;
  }

  /**
   * Fills {@link bits} with the tokens that may follow.
   *
   * @returns the largest distance to the text's end (see `distance`) after one of the tokens.
   * @throws KvasirError `invalid_request` where too many alternatives are open at once
   */
  allow(frames: readonly Frame[]): number {
    this.bits.fill(0);
    this.#visits = 0;
    return frames.reduce((peak, frame) => Math.max(peak, this.#collect(frame, 0, Infinity)), 0);
  }

  /** Fills {@link bits} with the tokens after which the text's end is at most `limit` bytes away. */
  allowWithin(frames: readonly Frame[], limit: number): void {
    this.bits.fill(0);
    this.#visits = 0;
    for (const frame of frames) this.#collect(frame, 0, limit);
  }

  #visit(nodes: number): void {
    this.#visits += nodes;
    if (this.#visits > this.#mostVisits)
      throw new KvasirError(
        'invalid_request',
        'the structure leaves too many alternatives open at once: begin them with what tells them apart',
      );
  }

  #collect(frame: Frame, node: number, limit: number): number {
    this.#visit(4);
    const { grammar } = this;
    const { ends } = this.vocabulary.trie;
    const after = distanceAfter(grammar, frame);
    const { exits, peak } = this.#rule(frame, node, limit - after);
    let result = after + peak;
    if (grammar.accepting[frame.state]) result = Math.max(result, this.#collectParents(frame, node, limit));
    for (const exit of exits)
      if (ends[exit]! > exit + 1) result = Math.max(result, this.#collectParents(frame, exit, limit));
    return result;
  }

  #collectParents({ parents }: Frame, node: number, limit: number): number {
    return parents.reduce(
      (peak, parent) => (parent === undefined ? peak : Math.max(peak, this.#collect(parent, node, limit))),
      0,
    );
  }

  /** Adds the tokens below a node, up to the end of the frame's own rule. */
  #rule(frame: Frame, node: number, limit: number): Pick<RuleMask, 'exits' | 'peak'> {
    const { state, count } = frame;
    if (node !== 0 || limit !== Infinity) return this.#walk(state, count, node, limit, this.bits);
    const mask = this.#known(state, count) ?? this.#find(state, count);
    for (let word = 0; word < mask.bits.length; word++) this.bits[word]! |= mask.bits[word]!;
    return { exits: mask.exits, peak: mask.peak + missing(this.grammar, state, count) };
  }

  #known(state: number, count: number): RuleMask | undefined {
    return this.#inString(state) ?? this.#kept.get(this.#key(state, count));
  }

  #find(state: number, count: number): RuleMask {
    const bits = new Uint32Array(this.bits.length);
    const { exits, peak } = this.#walk(state, count, 0, Infinity, bits);
    // What the counter's minimum adds depends on the count, which masks are kept for many of.
    const mask = { bits, exits, peak: peak - missing(this.grammar, state, count) };
    const { anyString } = this.grammar;
    if (isWithin(anyString, state)) this.#ofStrings.set(state - anyString.first, mask);
    else this.#keep(this.#key(state, count), mask);
    return mask;
  }

  #inString(state: number): RuleMask | undefined {
    const { anyString } = this.grammar;
    return isWithin(anyString, state) ? this.#ofStrings.get(state - anyString.first) : undefined;
  }

  #keep(key: string, mask: RuleMask): void {
    this.#kept.set(key, mask);
    this.#exits += mask.exits.length;
    if (this.#kept.size <= KEPT) return;
    const [oldest, { exits }] = this.#kept.entries().next().value!;
    this.#kept.delete(oldest);
    this.#exits -= exits.length;
  }

  /** The key of a kept mask: counts far from the counter's limits have the same mask. */
  #key(state: number, count: number): string {
    const counter = this.grammar.counters[state];
    if (counter === undefined) return String(state);
    if (counter.kind === 'members') return `${state} ${count}`;
    const { longest } = this.vocabulary.trie;
    if (counter.max - count <= longest) return `${state} ${count}`;
    if (count >= counter.min) return `${state} free`;
    return counter.min - count > longest ? `${state} few` : `${state} ${count}`;
  }

  #walk(
    firstState: number,
    firstCount: number,
    root: number,
    limit: number,
    bits: Uint32Array,
  ): Pick<RuleMask, 'exits' | 'peak'> {
    const { grammar } = this;
    const { next, classes, classCount, calls, accepting, counters } = grammar;
    const { bytes, depths, ends, tokens, twins } = this.vocabulary.trie;
    const states = this.#states;
    const counts = this.#counts;
    const exits: number[] = [];
    let peak = 0;
    states[depths[root]!] = firstState;
    counts[depths[root]!] = firstCount;
    let visited = 0;
    for (let node = root + 1, end = ends[root]!; node < end;) {
      visited++;
      const depth = depths[node]!;
      const state = states[depth - 1]!;
      let rest: number;
      if (state >= 0 && calls[state] === undefined) {
        const transition = next[state * classCount + classes[bytes[node]!]!]!;
        const count = transition < 0 ? -1 : counted(counters[state], counts[depth - 1]!, transition);
        if (count < 0) {
          node = ends[node]!;
          continue;
        }
        const target = transition & STATE;
        states[depth] = target;
        counts[depth] = count;
        if (accepting[target]) exits.push(node);
        rest = ownDistance(grammar, target, count);
      } else {
        const from =
          state >= 0 ? [{ state, count: counts[depth - 1]!, parents: NO_CALLER }] : this.#frames[depth - 1]!;
        this.#visit(8 * from.length);
        const frames = step(grammar, from, bytes[node]!);
        const [first, ...others] = frames;
        if (first === undefined) {
          node = ends[node]!;
          continue;
        }
        const own = others.length === 0 && first.parents === NO_CALLER;
        states[depth] = own ? first.state : -1;
        counts[depth] = first.count;
        this.#frames[depth] = frames;
        if (mayEnd(grammar, frames)) exits.push(node);
        rest = frames.reduce((least, frame) => Math.min(least, distance(grammar, frame)), Infinity);
      }
      const token = tokens[node]!;
      if (token >= 0 && rest <= limit) {
        if (rest > peak) peak = rest;
        bits[token >>> 5]! |= 1 << (token & 31);
        for (const twin of twins.get(node) ?? []) bits[twin >>> 5]! |= 1 << (twin & 31);
      }
      node++;
    }
    this.#visit(visited);
    return { exits, peak };
  }
}
