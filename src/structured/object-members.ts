import type { Budget } from './budget.js';
import type { Dfa, Edge } from './dfa.js';
import { LIMITS, Refusal } from './refusal.js';

/** Symbol of a named property that is left out. It comes before all others. */
const SKIP = 0;

/**
 * The meaning of a symbol of {@link objectMembers}: the named property at an index, or a further member at
 * the index after the last.
 */
interface Member {
  readonly index: number;
  /** False for the first member of the object: no comma goes before it. */
  readonly later: boolean;
}

/** @returns undefined for the symbol of a property that is left out. */
export function memberOf(symbol: number): Member | undefined {
  return symbol === SKIP ? undefined : { index: (symbol - 1) >> 1, later: symbol % 2 === 0 };
}

function symbolOf({ index, later }: Member): number {
  return 1 + 2 * index + (later ? 1 : 0);
}

/**
 * The orders of members of an object that is not empty: named properties in their order, those that are not
 * required present or left out, then any number of further ones. Keys that are not named cannot be compared
 * with one another, and a key that comes twice counts once, so of the further ones only the first is sure to
 * count towards `minProperties`.
 *
 * @param required for each named property.
 * @throws Refusal where `maxProperties` asks for too many states.
 */
export function objectMembers(
  required: readonly boolean[],
  minProperties: number,
  maxProperties: number,
  budget: Budget,
): Dfa {
  const named = required.length;
  // Counts above are alike.
  const cap = Math.max(1, maxProperties === Infinity ? minProperties : maxProperties);
  if (cap * (named + 1) > LIMITS.dfaStates) throw new Refusal('', 'maxProperties is too large');
  budget.charge(4 * (cap + 1) * (named + 2));
  const edges: Edge[][] = [];
  const accepting: boolean[] = [];
  const state = (index: number, count: number): number => index * (cap + 1) + count;
  // The states of an index are those before its property; then those before the first further one, and those
  // after it.
  for (let index = 0; index <= named + 1; index++) {
    for (let count = 0; count <= cap; count++) {
      const outgoing: Edge[] = [];
      const add = (symbol: number, to: number): void => void outgoing.push({ low: symbol, high: symbol, to });
      if (index < named && !required[index]) add(SKIP, state(index + 1, count));
      const counts = index !== named || count + 1 >= minProperties;
      if (count < maxProperties && counts)
        add(
          symbolOf({ index: Math.min(index, named), later: count > 0 }),
          state(Math.min(index, named) + 1, Math.min(count + 1, cap)),
        );
      edges.push(outgoing);
      accepting.push(index > named || (index === named && count >= Math.max(1, minProperties)));
    }
  }
  return { edges, accepting };
}
