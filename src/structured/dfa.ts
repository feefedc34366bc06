import { Budget } from './budget.js';
import { one, type Expression } from './expression.js';
import { LIMITS, tooComplex } from './refusal.js';

/** A transition: symbols `low` to `high`, both included, lead to a state. */
export interface Edge {
  readonly low: number;
  readonly high: number;
  readonly to: number;
}

/** A deterministic automaton: state 0 is the first; edges of a state are ascending and do not overlap. */
export interface Dfa {
  readonly edges: readonly (readonly Edge[])[];
  readonly accepting: readonly boolean[];
}

type Automaton = Extract<Expression, { kind: 'automaton' }>;

/** Steps to spell a range of symbols; a range of characters beyond ASCII has many ranges of bytes. */
const SPELLING = { short: 16, long: 500 };

/**
 * Builds a non-deterministic automaton (Thompson 1968): each expression becomes states between two given
 * ones.
 */
class Nfa {
  readonly edges: Edge[][] = [];
  readonly empty: number[][] = [];
  readonly atBegin: (number[] | undefined)[] = [];
  readonly atEnd: (number[] | undefined)[] = [];
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  state(): number {
    this.#budget.charge(6);
    if (this.edges.length >= LIMITS.nfaStates) throw tooComplex();
    this.empty.push([]);
    return this.edges.push([]) - 1;
  }

  add(expression: Expression, from: number, to: number): void {
    switch (expression.kind) {
      case 'one':
        this.#budget.charge(expression.of.length);
        for (const [low, high] of expression.of) this.edges[from]!.push({ low, high, to });
        return;
      case 'sequence': {
        let last = from;
        expression.items.forEach((item, i) => {
          const next = i === expression.items.length - 1 ? to : this.state();
          this.add(item, last, next);
          last = next;
        });
        if (expression.items.length === 0) this.empty[from]!.push(to);
        return;
      }
      case 'choice':
        this.#budget.charge(expression.items.length);
        // No item leads back to where it begins, so they may share both ends.
        for (const item of expression.items) this.add(item, from, to);
        return;
      case 'repeat':
        return this.#repeat(expression.item, expression.min, expression.max, from, to);
      case 'begin':
        (this.atBegin[from] ??= []).push(to);
        return;
      case 'end':
        (this.atEnd[from] ??= []).push(to);
        return;
      case 'automaton':
        this.#addAutomaton(expression, from, to);
    }
  }

  #addAutomaton({ dfa, spell }: Automaton, from: number, to: number): void {
    const states = dfa.edges.map(() => this.state());
    const spelled = new Map<string, Expression>();
    this.empty[from]!.push(states[0]!);
    dfa.edges.forEach((edges, state) => {
      if (dfa.accepting[state]) this.empty[states[state]!]!.push(to);
      const byTarget = new Map<number, [number, number][]>();
      this.#budget.charge(edges.length * SPELLING.short);
      for (const { low, high, to: target } of edges) {
        const ranges = byTarget.get(target) ?? [];
        if (ranges.push([low, high]) === 1) byTarget.set(target, ranges);
      }
      for (const [target, ranges] of byTarget) {
        const key = ranges.join();
        let spelling = spelled.get(key);
        if (spelling === undefined) {
          this.#budget.charge(ranges.filter(([, high]) => high > 0x7f).length * SPELLING.long);
          spelled.set(key, (spelling = spell(ranges)));
        }
        this.add(spelling, states[state]!, states[target]!);
      }
    });
  }

  #repeat(item: Expression, min: number, max: number, from: number, to: number): void {
    let last = this.state();
    this.empty[from]!.push(last);
    const again = (): void => {
      const next = this.state();
      this.add(item, last, next);
      last = next;
    };
    for (let i = 0; i < min; i++) again();
    if (max === Infinity) {
      const body = this.state();
      this.empty[last]!.push(body);
      this.add(item, body, last);
    } else {
      for (let i = min; i < max; i++) {
        this.empty[last]!.push(to);
        again();
      }
    }
    this.empty[last]!.push(to);
  }
}

/**
 * The deterministic automaton of an expression (subset construction), without states that lead nowhere.
 *
 * @throws Refusal where it would be too large.
 */
export function toDfa(expression: Expression, budget: Budget): Dfa {
  const nfa = new Nfa(budget);
  const [first, last] = [nfa.state(), nfa.state()];
  nfa.add(expression, first, last);

  const edges: Edge[][] = [];
  const accepting: boolean[] = [];
  /** Numbers of states by their sets, closed or not: most edges lead to sets that have been closed before. */
  const numbers = new Map<string, number>();
  const sets: number[][] = [];
  const number = (targets: readonly number[]): number => {
    budget.charge(targets.length);
    const key = targets.join();
    let known = numbers.get(key);
    if (known === undefined) {
      const set = closure(nfa, targets, false, false, budget);
      const closed = set.join();
      known = numbers.get(closed) ?? add(set, false);
      numbers.set(closed, known);
      numbers.set(key, known);
    }
    return known;
  };
  const add = (set: number[], begin: boolean): number => {
    if (sets.length >= LIMITS.dfaStates) throw tooComplex();
    const atEnd = nfa.atEnd.length === 0 ? set : closure(nfa, set, begin, true, budget);
    accepting.push(atEnd.includes(last));
    return sets.push(set) - 1;
  };
  // The beginning is a state of its own: nothing returns to it.
  add(closure(nfa, [first], true, false, budget), true);
  for (let state = 0; state < sets.length; state++) {
    const set = sets[state]!;
    budget.charge(set.reduce((sum, member) => sum + 1 + nfa.edges[member]!.length, 0));
    const outgoing = set.flatMap(member => nfa.edges[member]!);
    // Not needed any more.
    sets[state] = [];
    edges.push(split(outgoing, budget).map(({ low, high, targets }) => ({ low, high, to: number(targets) })));
  }
  return trim({ edges, accepting }, budget);
}

/** All states that are reached without a symbol, ascending. */
function closure(
  nfa: Nfa,
  states: readonly number[],
  begin: boolean,
  end: boolean,
  budget: Budget,
): number[] {
  const seen = new Set(states);
  for (const state of seen) {
    budget.charge(2 + nfa.empty[state]!.length);
    for (const next of nfa.empty[state]!) seen.add(next);
    if (begin) for (const next of nfa.atBegin[state] ?? []) seen.add(next);
    if (end) for (const next of nfa.atEnd[state] ?? []) seen.add(next);
  }
  budget.charge(seen.size);
  return [...seen].sort((a, b) => a - b);
}

/** Splits overlapping edges into intervals that do not overlap, each with all its targets. */
function split(edges: readonly Edge[], budget: Budget): { low: number; high: number; targets: number[] }[] {
  // Three lists to make and sort.
  budget.charge(4 * edges.length);
  const starts = [...edges].sort((a, b) => a.low - b.low);
  const bounds = [...new Set(edges.flatMap(({ low, high }) => [low, high + 1]))].sort((a, b) => a - b);
  const result: { low: number; high: number; targets: number[] }[] = [];
  let active: Edge[] = [];
  let next = 0;
  for (let i = 0; i + 1 < bounds.length; i++) {
    const low = bounds[i]!;
    budget.charge(active.length + 1);
    active = active.filter(({ high }) => high >= low);
    while (next < starts.length && starts[next]!.low === low) active.push(starts[next++]!);
    if (active.length === 0) continue;
    budget.charge(active.length);
    const targets = [...new Set(active.map(({ to }) => to))].sort((a, b) => a - b);
    result.push({ low, high: bounds[i + 1]! - 1, targets });
  }
  return result;
}

/** Removes edges to states from which nothing is accepted. */
function trim({ edges, accepting }: Dfa, budget: Budget): Dfa {
  budget.charge(2 * edges.reduce((sum, outgoing) => sum + 1 + outgoing.length, 0));
  const sources: number[][] = edges.map(() => []);
  edges.forEach((outgoing, state) => outgoing.forEach(({ to }) => sources[to]!.push(state)));
  const live = new Set(accepting.flatMap((accepts, state) => (accepts ? [state] : [])));
  for (const state of live) for (const source of sources[state]!) live.add(source);
  // The order of the states stays; the first one stays even if nothing is accepted.
  const kept = edges.map((_, state) => state).filter(state => state === 0 || live.has(state));
  const numbers = new Map(kept.map((state, number) => [state, number]));
  return {
    edges: kept.map(state =>
      edges[state]!.filter(({ to }) => live.has(to)).map(edge => ({ ...edge, to: numbers.get(edge.to)! })),
    ),
    accepting: kept.map(state => accepting[state]!),
  };
}

/** Replaces an expression by its automaton, which is cheaper if it is used more than once. */
export function compact(expression: Expression, budget = new Budget()): Expression {
  return { kind: 'automaton', dfa: toDfa(expression, budget), spell: one };
}

/** The automaton of the texts that both accept. */
export function intersect(a: Dfa, b: Dfa, budget: Budget): Dfa {
  return product(a, b, (inA, inB) => inA && inB, budget);
}

/** The automaton of the texts that `a` accepts and `b` does not. */
export function subtract(a: Dfa, b: Dfa, budget: Budget): Dfa {
  return product(a, complete(b, budget), (inA, inB) => inA && !inB, budget);
}

/** True if no text is accepted. */
export function isEmpty({ edges, accepting }: Dfa): boolean {
  return !accepting[0] && edges[0]!.length === 0;
}

export function accepts({ edges, accepting }: Dfa, text: string, budget: Budget): boolean {
  let state = 0;
  for (const character of text) {
    const symbol = character.codePointAt(0)!;
    budget.charge(1 + edges[state]!.length);
    const edge = edges[state]!.find(({ low, high }) => low <= symbol && symbol <= high);
    if (edge === undefined) return false;
    state = edge.to;
  }
  return accepting[state]!;
}

function product(a: Dfa, b: Dfa, accept: (inA: boolean, inB: boolean) => boolean, budget: Budget): Dfa {
  const edges: Edge[][] = [];
  const accepting: boolean[] = [];
  const numbers = new Map<number, number>();
  const pairs: (readonly [number, number])[] = [];
  const number = (inA: number, inB: number): number => {
    const key = inA * b.edges.length + inB;
    let known = numbers.get(key);
    if (known === undefined) {
      known = pairs.push([inA, inB]) - 1;
      if (known >= LIMITS.dfaStates) throw tooComplex();
      numbers.set(key, known);
      accepting.push(accept(a.accepting[inA]!, b.accepting[inB]!));
    }
    return known;
  };
  number(0, 0);
  for (let state = 0; state < pairs.length; state++) {
    const [inA, inB] = pairs[state]!;
    const [edgesA, edgesB] = [a.edges[inA]!, b.edges[inB]!];
    budget.charge(4 + 4 * (edgesA.length + edgesB.length));
    const outgoing: Edge[] = [];
    for (let i = 0, j = 0; i < edgesA.length && j < edgesB.length;) {
      const [first, second] = [edgesA[i]!, edgesB[j]!];
      const low = Math.max(first.low, second.low);
      const high = Math.min(first.high, second.high);
      if (low <= high) outgoing.push({ low, high, to: number(first.to, second.to) });
      if (first.high < second.high) i++;
      else j++;
    }
    edges.push(outgoing);
  }
  return trim({ edges, accepting }, budget);
}

/** Adds a sink, so that every state has an edge for every symbol. */
function complete({ edges, accepting }: Dfa, budget: Budget): Dfa {
  budget.charge(2 * edges.reduce((sum, outgoing) => sum + 1 + outgoing.length, 0));
  const sink = edges.length;
  const filled = edges.map(outgoing => {
    const result: Edge[] = [];
    let next = 0;
    for (const edge of outgoing) {
      if (edge.low > next) result.push({ low: next, high: edge.low - 1, to: sink });
      result.push(edge);
      next = edge.high + 1;
    }
    result.push({ low: next, high: Infinity, to: sink });
    return result;
  });
  return {
    edges: [...filled, [{ low: 0, high: Infinity, to: sink }]],
    accepting: [...accepting, false],
  };
}
