import type { Budget } from './budget.js';
import type { Dfa, Edge } from './dfa.js';
import { LIMITS, tooComplex } from './refusal.js';

/** An automaton told by what its states mean. */
interface StateMachine<S> {
  readonly first: S;
  /** Whether the text may end in a state. */
  readonly accepts: (state: S) => boolean;
  /** The state after one more character; undefined where that must not come. */
  readonly next: (state: S, character: string) => S | undefined;
  /** The same for states that are the same. */
  readonly key: (state: S) => string;
}

/**
 * The deterministic automaton of all states that are reached from the first one.
 *
 * @param characters of ASCII, ascending
 * @throws Refusal where there are too many states
 */
export function stateMachine<S>(
  { first, accepts, next, key }: StateMachine<S>,
  characters: string,
  budget: Budget,
): Dfa {
  const edges: Edge[][] = [];
  const states: S[] = [];
  const numbers = new Map<string, number>();
  const number = (state: S): number => {
    const name = key(state);
    let known = numbers.get(name);
    if (known === undefined) {
      known = states.push(state) - 1;
      if (known >= LIMITS.dfaStates) throw tooComplex();
      numbers.set(name, known);
    }
    return known;
  };
  number(first);
  for (let from = 0; from < states.length; from++) {
    budget.charge(5 * characters.length);
    const outgoing: Edge[] = [];
    for (const character of characters) {
      const state = next(states[from]!, character);
      if (state === undefined) continue;
      const code = character.charCodeAt(0);
      const to = number(state);
      const last = outgoing.at(-1);
      if (last?.to === to && last.high === code - 1) outgoing[outgoing.length - 1] = { ...last, high: code };
      else outgoing.push({ low: code, high: code, to });
    }
    edges.push(outgoing);
  }
  return { edges, accepting: states.map(accepts) };
}
