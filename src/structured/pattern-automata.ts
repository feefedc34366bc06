import type { Budget } from './budget.js';
import type { Placed } from './conjunctions.js';
import { toDfa, type Dfa } from './dfa.js';
import { FORMATS } from './formats.js';
import { at } from './refusal.js';
import { partialMatch, wholeMatch } from './regex.js';

/** The automata of a schema's patterns and formats, each made once. */
export class PatternAutomata {
  readonly #budget: Budget;
  readonly #kept = new Map<string, Dfa>();

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** The texts in which a pattern matches somewhere. @throws Refusal with the pattern's place */
  ofPattern({ value, pointer }: Placed<string>): Dfa {
    return at(pointer, () =>
      this.#keep(`pattern ${value}`, () => toDfa(partialMatch(value, this.#budget), this.#budget)),
    );
  }

  /** The texts of a format; undefined where any text will do. @throws Refusal with the format's place */
  ofFormat({ value, pointer }: Placed<string>): Dfa | undefined {
    const source = FORMATS.get(value);
    if (source === undefined) return undefined;
    return at(pointer, () =>
      this.#keep(`format ${value}`, () => toDfa(wholeMatch(source, this.#budget), this.#budget)),
    );
  }

  #keep(key: string, make: () => Dfa): Dfa {
    this.#budget.charge(1 + (key.length >> 3));
    let dfa = this.#kept.get(key);
    if (dfa === undefined) this.#kept.set(key, (dfa = make()));
    return dfa;
  }
}
