import type { Budget } from './budget.js';
import { COUNTS, type ByteEdge, type Call, type CountedMembers, type Grammar } from './grammar.js';
import type { Rule } from './json-rules.js';
import type { MemberSet } from './member-sets.js';

/** The distance if there is no way. */
export const FAR = 2 ** 30 - 1;
/** The distance of the longest ways. */
const LONGEST = FAR - 1;

/** The automata of all rules, their states numbered through. */
interface Automata {
  readonly edges: readonly (readonly ByteEdge[])[];
  readonly calls: readonly (readonly Call[])[];
  readonly accepting: Uint8Array;
  /** The first state of each rule. */
  readonly starts: readonly number[];
  /** The counter of each rule. */
  readonly counters: readonly Rule['counter'][];
}

type Ways = Pick<Grammar, 'distances' | 'units'> & {
  /** Bytes of a call of each rule. */
  readonly costs: readonly number[];
};

/**
 * Distances, units, and costs of calls. A call of a rule that counts costs the bytes of its counter's minimum,
 * too. Those depend on the rule's unit, and that on the rules called in it: both are found by turns, from
 * below.
 */
export function shortWays(automata: Automata, budget: Budget): Ways {
  const { starts, counters } = automata;
  for (let added = starts.map(() => 0); ;) {
    const { distances, costs } = shortest(automata, added, budget);
    const units = unitsOf(automata, distances);
    const known = added;
    added = starts.map((start, rule) => {
      const counter = counters[rule];
      const { min, initial } = counter?.kind === 'count' ? counter : { min: 0, initial: 0 };
      return Math.max(known[rule]!, Math.min(LONGEST, (min - initial) * units[start]!));
    });
    if (added.every((bytes, rule) => bytes === known[rule])) return { distances, units, costs };
  }
}

/**
 * Bytes from each state to the end of its rule, by the relaxation of Bellman and Ford: a call costs as much
 * as its rule's start, and an object with required members as much as all of those.
 *
 * @param added what a call of each rule costs more.
 */
function shortest(
  { edges, calls, accepting, starts, counters }: Automata,
  added: readonly number[],
  budget: Budget,
): Pick<Ways, 'distances' | 'costs'> {
  budget.charge(edges.reduce((sum, { length }, state) => sum + 2 + length + calls[state]!.length, 0));
  const distances = Int32Array.from(accepting, accepts => (accepts ? 0 : FAR));
  const sources: number[][] = edges.map(() => []);
  const callers = new Map<number, number[]>();
  edges.forEach((outgoing, state) => outgoing.forEach(({ to }) => sources[to]!.push(state)));
  calls.forEach((list, state) =>
    list.forEach(({ rule, to }) => {
      sources[to]!.push(state);
      const needed = requiredRules(counters[rule]);
      budget.charge(needed.length);
      for (const of of [rule, ...needed]) {
        const start = starts[of]!;
        const known = callers.get(start);
        if (known === undefined) callers.set(start, [state]);
        else known.push(state);
      }
    }),
  );
  const cost = (rule: number): number => {
    const needed = requiredRules(counters[rule]);
    if (needed.length === 0) return way(distances[starts[rule]!]!, added[rule]!);
    budget.charge(needed.length);
    // The brackets, and a comma between two members.
    return needed.reduce((sum, member) => way(sum, way(1, cost(member))), 1);
  };
  let changed = new Set(edges.keys());
  while (changed.size > 0) {
    const affected = new Set<number>();
    for (const state of changed) {
      let best = distances[state]!;
      budget.charge(1 + edges[state]!.length + calls[state]!.length);
      for (const { to } of edges[state]!) best = Math.min(best, way(distances[to]!, 1));
      for (const { rule, to } of calls[state]!) best = Math.min(best, way(distances[to]!, cost(rule)));
      if (best >= distances[state]!) continue;
      distances[state] = best;
      budget.charge(2 * (sources[state]!.length + (callers.get(state)?.length ?? 0)));
      for (const source of sources[state]!) affected.add(source);
      for (const caller of callers.get(state) ?? []) affected.add(caller);
    }
    changed = affected;
  }
  return { distances, costs: starts.map((_, rule) => cost(rule)) };
}

/** The rules of the members that an object must have. */
function requiredRules(counter: Rule['counter']): readonly number[] {
  if (counter?.kind !== 'members') return [];
  return counter.members.flatMap(({ rule, required }) => (required ? [rule] : []));
}

function way(first: number, then: number): number {
  return first === FAR || then === FAR ? FAR : Math.min(first + then, LONGEST);
}

/** Bytes of a counting transition and of the way to the next one, for each state's rule. */
function unitsOf({ edges, starts, counters }: Automata, distances: Int32Array): Int32Array {
  const units = new Int32Array(edges.length);
  starts.forEach((start, rule) => {
    if (counters[rule]?.kind !== 'count') return;
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

/** What the members of an object cost. @param costs of calls of each rule */
export function countedMembers(
  { members, required, further }: MemberSet,
  costs: readonly number[],
): CountedMembers {
  const ofMembers = members.map(({ rule }) => costs[rule]!);
  const ofFurther = further === undefined ? FAR : costs[further]!;
  return {
    kind: 'members',
    required,
    all: ofMembers.reduce((bits, cost, index) => bits | (cost === FAR ? 0 : 1 << index), 0),
    isOpen: ofFurther !== FAR,
    costs: [...ofMembers, ofFurther],
  };
}

/**
 * Bytes from each state of a rule that counts members to the next call of one, and to the rule's end without
 * one; {@link FAR} where there is no such way. 0 for states of other rules.
 */
export function waysOfMembers(automata: Automata, budget: Budget): Pick<Grammar, 'toMember' | 'toEnd'> {
  const { edges, calls, accepting, starts, counters } = automata;
  const toMember = new Int32Array(edges.length);
  const toEnd = new Int32Array(edges.length);
  starts.forEach((start, rule) => {
    if (counters[rule]?.kind !== 'members') return;
    const end = starts[rule + 1] ?? edges.length;
    for (const [ways, isGoal] of [
      [toMember, (state: number) => calls[state]!.length > 0],
      [toEnd, (state: number) => accepting[state] === 1],
    ] as const) {
      for (let state = start; state < end; state++) ways[state] = isGoal(state) ? 0 : FAR;
      for (let changed = true; changed;) {
        changed = false;
        for (let state = start; state < end; state++) {
          budget.charge(1 + edges[state]!.length);
          const best = edges[state]!.reduce(
            (least, { to }) => Math.min(least, way(ways[to]!, 1)),
            ways[state]!,
          );
          if (best === ways[state]) continue;
          ways[state] = best;
          changed = true;
        }
      }
    }
  });
  return { toMember, toEnd };
}
