import type { Budget } from './budget.js';
import { toDfa, type Dfa } from './dfa.js';
import type { Counter, Rule } from './json-rules.js';
import { LIMITS, Refusal, tooComplex } from './refusal.js';
import { intersection, rangesOf } from './ranges.js';
import { BYTES, CALLS, COUNT, EXIT } from './symbols.js';

/** Entries of the transition table, at most: 16 MiB. */
const LARGEST_TABLE = 4 * 1024 * 1024;

/** Marks in the transition table, beside the state. */
export const COUNTS = 1 << 30;
export const EXITS = 1 << 29;
export const STATE = EXITS - 1;

/** A value of another rule, and the state after it. */
interface Call {
  readonly rule: number;
  readonly to: number;
}

/**
 * A pushdown automaton over bytes: the deterministic automata of all rules, their states numbered through. A
 * state may also call a rule; where a rule's automaton accepts, its caller goes on. From every state the end
 * can be reached.
 */
export interface Grammar {
  /** `[states, classes]`: the next state with its marks, or -1. */
  readonly next: Int32Array;
  /** Bytes that are alike everywhere have one class. */
  readonly classes: Uint8Array;
  readonly classCount: number;
  readonly calls: readonly (readonly Call[] | undefined)[];
  /** 1 if the state's rule may end here. */
  readonly accepting: Uint8Array;
  /** 1 if the state has a transition or a call. */
  readonly goesOn: Uint8Array;
  /** The first state of each rule; the first rule is the text. */
  readonly starts: readonly number[];
  /** The counter of each state's rule. */
  readonly counters: readonly (Counter | undefined)[];
  /**
   * Bytes to the end of the state's rule on the shortest way, those to reach the counter's minimum left
   * aside.
   */
  readonly distances: Int32Array;
  /** Bytes for one more of what the state's rule counts. */
  readonly units: Int32Array;
  readonly bytes: number;
}

/**
 * @param spellable bytes that the vocabulary has a token for: no others are used, so that there is always a
 * token to go on with.
 * @throws Refusal where the automaton would be too large, or no text is accepted.
 */
export function compileGrammar(
  rules: readonly Rule[],
  spellable: ReadonlySet<number>,
  budget: Budget,
): Grammar {
  const dfas = rules.map(({ expression }) => toDfa(expression, budget));
  const starts: number[] = [];
  let states = 0;
  for (const dfa of dfas) {
    starts.push(states);
    states += dfa.edges.length;
  }
  if (states > LIMITS.dfaStates) throw tooComplex();

  budget.charge(
    dfas.reduce((sum, dfa) => sum + dfa.edges.reduce((steps, { length }) => steps + 2 + 8 * length, 0), 0),
  );
  const { edges, calls } = flatten(dfas, starts, spellable);
  const counters = dfas.flatMap((dfa, rule) => dfa.edges.map(() => rules[rule]!.counter));
  const accepting = Uint8Array.from(dfas.flatMap(dfa => dfa.accepting.map(Number)));
  const { distances, units } = shortWays(edges, calls, accepting, starts, counters, budget);
  if (distances[starts[0]!] === FAR)
    throw new Refusal('', 'no value that the model can write satisfies this');

  const live = (state: number): boolean => distances[state] !== FAR;
  const kept = edges.map((outgoing, state) => (live(state) ? outgoing.filter(({ to }) => live(to)) : []));
  budget.charge(states * (BYTES >> 3));
  const { classes, classCount } = byteClasses(kept);
  if (states * classCount > LARGEST_TABLE) throw tooComplex();
  budget.charge((states * classCount) >> 3);
  const next = new Int32Array(states * classCount).fill(-1);
  kept.forEach((outgoing, state) => {
    for (const { low, high, to, mark } of outgoing)
      for (let byte = low; byte <= high; byte++) next[state * classCount + classes[byte]!] = to | mark;
  });
  const keptCalls = calls.map((list, state) => {
    const result = live(state) ? list.filter(({ rule, to }) => live(to) && live(starts[rule]!)) : [];
    return result.length === 0 ? undefined : result;
  });
  if (!goes(kept, keptCalls, starts[0]!))
    throw new Refusal('', 'only the empty text satisfies this: there is nothing to generate');
  return {
    next,
    classes,
    classCount,
    calls: keptCalls,
    accepting,
    goesOn: Uint8Array.from(kept, (_, state) => Number(goes(kept, keptCalls, state))),
    starts,
    counters,
    distances,
    units,
    bytes: next.byteLength + states * 64,
  };
}

/** Bytes `low` to `high` lead to a state, with a mark. */
interface ByteEdge {
  readonly low: number;
  readonly high: number;
  readonly to: number;
  readonly mark: number;
}

function goes(
  edges: readonly ByteEdge[][],
  calls: readonly (readonly Call[] | undefined)[],
  state: number,
): boolean {
  return edges[state]!.length > 0 || calls[state] !== undefined;
}

/** Separates edges of bytes from calls of rules. */
function flatten(
  dfas: readonly Dfa[],
  starts: readonly number[],
  spellable: ReadonlySet<number>,
): { edges: ByteEdge[][]; calls: Call[][] } {
  const bytes = rangesOf(...spellable);
  const edges: ByteEdge[][] = [];
  const calls: Call[][] = [];
  dfas.forEach((dfa, rule) =>
    dfa.edges.forEach(outgoing => {
      const byteEdges: ByteEdge[] = [];
      const ownCalls: Call[] = [];
      for (const edge of outgoing) {
        const to = starts[rule]! + edge.to;
        for (let symbol = Math.max(edge.low, CALLS); symbol <= edge.high; symbol++)
          ownCalls.push({ rule: symbol - CALLS, to });
        for (const [base, mark] of MARKS)
          for (const [low, high] of intersection([[edge.low - base, edge.high - base]], bytes))
            byteEdges.push({ low, high, to, mark });
      }
      edges.push(byteEdges);
      calls.push(ownCalls);
    }),
  );
  return { edges, calls };
}

const MARKS = [
  [0, 0],
  [COUNT, COUNTS],
  [EXIT, EXITS],
] as const;

/** The distance if there is no way. */
const FAR = 2 ** 30 - 1;
/** The distance of the longest ways. */
const LONGEST = FAR - 1;

/**
 * Distances and units. A call of a rule that counts costs the bytes of its counter's minimum, too. Those
 * depend on the rule's unit, and that on the rules called in it: both are found by turns, from below.
 */
function shortWays(
  edges: readonly (readonly ByteEdge[])[],
  calls: readonly (readonly Call[])[],
  accepting: Uint8Array,
  starts: readonly number[],
  counters: readonly (Counter | undefined)[],
  budget: Budget,
): Pick<Grammar, 'distances' | 'units'> {
  for (let added = starts.map(() => 0); ;) {
    const distances = shortest(edges, calls, accepting, starts, added, budget);
    const units = unitsOf(edges, distances, starts, counters);
    const known = added;
    added = starts.map((start, rule) => {
      const { min, initial } = counters[start] ?? { min: 0, initial: 0 };
      return Math.max(known[rule]!, Math.min(LONGEST, (min - initial) * units[start]!));
    });
    if (added.every((bytes, rule) => bytes === known[rule])) return { distances, units };
  }
}

/**
 * Bytes from each state to the end of its rule, by the relaxation of Bellman and Ford: a call costs as much
 * as its rule's start.
 *
 * @param added what a call of each rule costs more.
 */
function shortest(
  edges: readonly (readonly ByteEdge[])[],
  calls: readonly (readonly Call[])[],
  accepting: Uint8Array,
  starts: readonly number[],
  added: readonly number[],
  budget: Budget,
): Int32Array {
  budget.charge(edges.reduce((sum, { length }, state) => sum + 2 + length + calls[state]!.length, 0));
  const distances = Int32Array.from(accepting, accepts => (accepts ? 0 : FAR));
  const sources: number[][] = edges.map(() => []);
  const callers = new Map<number, number[]>();
  edges.forEach((outgoing, state) => outgoing.forEach(({ to }) => sources[to]!.push(state)));
  calls.forEach((list, state) =>
    list.forEach(({ rule, to }) => {
      sources[to]!.push(state);
      const start = starts[rule]!;
      const known = callers.get(start);
      if (known === undefined) callers.set(start, [state]);
      else known.push(state);
    }),
  );
  let changed = new Set(edges.keys());
  while (changed.size > 0) {
    const affected = new Set<number>();
    for (const state of changed) {
      let best = distances[state]!;
      budget.charge(1 + edges[state]!.length + calls[state]!.length);
      for (const { to } of edges[state]!) best = Math.min(best, way(distances[to]!, 1));
      for (const { rule, to } of calls[state]!)
        best = Math.min(best, way(distances[to]!, way(distances[starts[rule]!]!, added[rule]!)));
      if (best >= distances[state]!) continue;
      distances[state] = best;
      budget.charge(2 * (sources[state]!.length + (callers.get(state)?.length ?? 0)));
      for (const source of sources[state]!) affected.add(source);
      for (const caller of callers.get(state) ?? []) affected.add(caller);
    }
    changed = affected;
  }
  return distances;
}

function way(first: number, then: number): number {
  return first === FAR || then === FAR ? FAR : Math.min(first + then, LONGEST);
}

/** Bytes of a counting transition and of the way to the next one, for each state's rule. */
function unitsOf(
  edges: readonly (readonly ByteEdge[])[],
  distances: Int32Array,
  starts: readonly number[],
  counters: readonly (Counter | undefined)[],
): Int32Array {
  const units = new Int32Array(edges.length);
  starts.forEach((start, rule) => {
    if (counters[start] === undefined) return;
    const end = starts[rule + 1] ?? edges.length;
    let unit = FAR;
    for (let state = start; state < end; state++)
      for (const { to, mark } of edges[state]!)
        // From the state after a count, the end is as near as from the state before it, and what lies
        // between.
        if (mark === COUNTS && distances[to] !== FAR)
          unit = Math.min(unit, 1 + distances[to]! - distances[state]!);
    units.fill(unit === FAR ? 0 : unit, start, end);
  });
  return units;
}

/** Groups bytes that lead to the same states from everywhere. */
function byteClasses(edges: readonly (readonly ByteEdge[])[]): { classes: Uint8Array; classCount: number } {
  // Partition refinement: each state splits classes by where their bytes lead.
  let classes = new Uint8Array(BYTES);
  let classCount = 1;
  const targets = new Uint16Array(BYTES);
  // The number of a pair of target and class, and the state for which it holds.
  const numbers = new Uint8Array((BYTES + 1) * BYTES);
  const owners = new Int32Array((BYTES + 1) * BYTES).fill(-1);
  for (const [state, outgoing] of edges.entries()) {
    if (outgoing.length === 0) continue;
    const known = new Map<number, number>();
    targets.fill(0);
    for (const { low, high, to, mark } of outgoing) {
      if (!known.has(to | mark)) known.set(to | mark, known.size + 1);
      targets.fill(known.get(to | mark)!, low, high + 1);
    }
    const refined = new Uint8Array(BYTES);
    classCount = 0;
    for (let byte = 0; byte < BYTES; byte++) {
      const pair = targets[byte]! * BYTES + classes[byte]!;
      if (owners[pair] !== state) {
        owners[pair] = state;
        numbers[pair] = classCount++;
      }
      refined[byte] = numbers[pair]!;
    }
    classes = refined;
    if (classCount === BYTES) break;
  }
  return { classes, classCount };
}
