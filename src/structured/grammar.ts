import type { Budget } from './budget.js';
import { toDfa, type Dfa } from './dfa.js';
import type { Counter, Rule } from './json-rules.js';
import { LIMITS, Refusal, tooComplex } from './refusal.js';
import { intersection, rangesOf } from './ranges.js';
import { bitsOf } from './member-sets.js';
import { countedMembers, FAR, shortWays, waysOfMembers } from './short-ways.js';
import { BYTES, CALLS, COUNT, EXIT } from './symbols.js';

/** Entries of the transition table, at most: 16 MiB. */
const LARGEST_TABLE = 4 * 1024 * 1024;

/** Marks in the transition table, beside the state. */
export const COUNTS = 1 << 30;
export const EXITS = 1 << 29;
export const STATE = EXITS - 1;

/** A value of another rule, and the state after it. */
export interface Call {
  readonly rule: number;
  readonly to: number;
  /** Bits of a {@link MemberSet}: the one that the call adds, if it is not there yet, and those that must be. */
  readonly bit: number;
  readonly after: number;
}

/** A {@link MemberSet} with what its members cost. */
export interface CountedMembers {
  readonly kind: 'members';
  readonly required: number;
  /** Bits of all members that can be written. */
  readonly all: number;
  /** Whether members without a name of their own may follow. */
  readonly isOpen: boolean;
  /** Bytes of each member by its bit, and last of one without a name. */
  readonly costs: readonly number[];
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
  readonly counters: readonly (Counter | CountedMembers | undefined)[];
  /**
   * Bytes to the end of the state's rule on the shortest way, those to reach the counter's minimum left
   * aside.
   */
  readonly distances: Int32Array;
  /** For states of rules that count members: bytes to the next member, and to the end without another. */
  readonly toMember: Int32Array;
  readonly toEnd: Int32Array;
  /** Bytes for one more of what the state's rule counts. */
  readonly units: Int32Array;
  /** The states of the rule for any string, which are alike in all grammars: from the first to before the end. */
  readonly anyString: { readonly first: number; readonly end: number } | undefined;
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
  const { edges, calls } = flatten(dfas, starts, spellable, rules);
  const accepting = Uint8Array.from(dfas.flatMap(dfa => dfa.accepting.map(Number)));
  const ruleCounters = rules.map(({ counter }) => counter);
  const automata = { edges, calls, accepting, starts, counters: ruleCounters };
  const { distances, units, costs } = shortWays(automata, budget);
  if (costs[0] === FAR) throw new Refusal('', 'no value that the model can write satisfies this');
  const counters = ruleCounters.flatMap((counter, rule) => {
    const own = counter?.kind === 'members' ? countedMembers(counter, costs) : counter;
    return dfas[rule]!.edges.map(() => own);
  });
  const { toMember, toEnd } = waysOfMembers(automata, budget);

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
    const result = live(state) ? list.filter(({ rule, to }) => live(to) && costs[rule] !== FAR) : [];
    return result.length === 0 ? undefined : result;
  });
  if (!goes(kept, keptCalls, starts[0]!))
    throw new Refusal('', 'only the empty text satisfies this: there is nothing to generate');
  const anyString = rules.findIndex(rule => rule.isAnyString);
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
    toMember,
    toEnd,
    anyString:
      anyString < 0 ? undefined : { first: starts[anyString]!, end: starts[anyString + 1] ?? states },
    bytes: next.byteLength + states * 64,
  };
}

/** Bytes `low` to `high` lead to a state, with a mark. */
export interface ByteEdge {
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
  rules: readonly Rule[],
): { edges: ByteEdge[][]; calls: Call[][] } {
  const bytes = rangesOf(...spellable);
  const edges: ByteEdge[][] = [];
  const calls: Call[][] = [];
  dfas.forEach((dfa, rule) => {
    const counter = rules[rule]!.counter;
    const bits = counter?.kind === 'members' ? bitsOf(counter) : undefined;
    dfa.edges.forEach(outgoing => {
      const byteEdges: ByteEdge[] = [];
      const ownCalls: Call[] = [];
      for (const edge of outgoing) {
        const to = starts[rule]! + edge.to;
        for (let symbol = Math.max(edge.low, CALLS); symbol <= edge.high; symbol++)
          ownCalls.push({ rule: symbol - CALLS, to, ...(bits?.get(symbol - CALLS) ?? NO_BITS) });
        for (const [base, mark] of MARKS)
          for (const [low, high] of intersection([[edge.low - base, edge.high - base]], bytes))
            byteEdges.push({ low, high, to, mark });
      }
      edges.push(byteEdges);
      calls.push(ownCalls);
    });
  });
  return { edges, calls };
}

const NO_BITS = { bit: 0, after: 0 };

const MARKS = [
  [0, 0],
  [COUNT, COUNTS],
  [EXIT, EXITS],
] as const;

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
