import type { Budget } from './budget.js';
import { areExclusive } from './disjoint.js';
import { PatternAutomata } from './pattern-automata.js';
import { LIMITS, Refusal } from './refusal.js';
import { child, type SchemaDocument, type SchemaObject } from './schema-document.js';

/** JSON pointers to subschemas that must all hold for one value. */
export type Pointers = readonly string[];

/** A keyword's value with its JSON pointer, so that a refusal can name the place. */
export interface Placed<T> {
  readonly value: T;
  readonly pointer: string;
}

/** A subschema read without the keywords that combine others (`$ref`, `allOf`, `anyOf`, `oneOf`). */
export interface Flat {
  readonly schema: SchemaObject;
  readonly pointer: string;
}

/** Flat subschemas that must all hold for one value. Empty: every value is valid. */
export type Conjunction = readonly Flat[];

/** Reads the subschemas of one document in disjunctive normal form, each once. */
export class Expander {
  readonly budget: Budget;
  readonly patterns: PatternAutomata;
  /**
   * What `validator.ts` found: the valid constants of a conjunction, and the constants of a schema as keys.
   */
  readonly constants = new Map<Conjunction, readonly unknown[] | undefined>();
  readonly constantKeys = new Map<unknown, ReadonlySet<string>>();
  readonly #document: SchemaDocument;
  readonly #known = new Map<string, readonly Conjunction[]>();
  /** Subschemas that are being expanded: one that returns to itself says nothing. */
  readonly #open = new Set<string>();
  /** Branches of each `oneOf` that were not yet compared with one another, by its pointer. */
  readonly #unchecked: Placed<readonly (readonly Conjunction[])[]>[] = [];
  #isChecking = false;

  constructor(document: SchemaDocument) {
    this.#document = document;
    this.budget = document.budget;
    this.patterns = new PatternAutomata(this.budget);
  }

  /**
   * The disjunctive normal form of all subschemas at the pointers taken together: a value is valid for them
   * if it is valid for one of the conjunctions.
   *
   * @returns an empty list where no value is valid.
   * @throws Refusal where a reference returns to itself, a `oneOf` cannot be read as `anyOf`, or there are
   * too many alternatives.
   */
  expand(pointers: Pointers): readonly Conjunction[] {
    const [first, ...others] = pointers.map(pointer => this.#expand(pointer));
    const result = others.reduce((left, right) => this.#both(left, right), first ?? [[]]);
    this.#checkExclusive();
    return result;
  }

  #expand(pointer: string): readonly Conjunction[] {
    this.budget.charge(1 + (pointer.length >> 3));
    let result = this.#known.get(pointer);
    if (result === undefined) {
      if (this.#open.size >= LIMITS.depth) throw new Refusal(pointer, 'is nested too deeply');
      this.#open.add(pointer);
      result = this.#combine(pointer);
      this.#open.delete(pointer);
      this.#known.set(pointer, result);
    }
    return result;
  }

  #combine(pointer: string): readonly Conjunction[] {
    const schema = this.#document.schema(pointer);
    if (schema === true) return [[]];
    if (schema === false) return [];
    const branches = (keyword: 'allOf' | 'anyOf' | 'oneOf'): (readonly Conjunction[])[] =>
      ((schema[keyword] as readonly unknown[] | undefined) ?? []).map((_, index) =>
        this.#expand(child(pointer, keyword, index)),
      );
    const and = (left: readonly Conjunction[], right: readonly Conjunction[]): readonly Conjunction[] =>
      this.#both(left, right);
    let result: readonly Conjunction[] = [[{ schema, pointer }]];
    if (schema.$ref !== undefined) {
      const target = this.#document.resolve(schema.$ref as string, pointer);
      if (this.#open.has(target))
        throw new Refusal(child(pointer, '$ref'), 'refers to itself without a value between');
      result = and(result, this.#expand(target));
    }
    result = branches('allOf').reduce(and, result);
    if (schema.anyOf !== undefined) result = and(result, this.#join(branches('anyOf')));
    if (schema.oneOf !== undefined) {
      const alternatives = branches('oneOf');
      // Later: to compare them, their properties are expanded, which may lead back here.
      this.#unchecked.push({ value: alternatives, pointer: child(pointer, 'oneOf') });
      result = and(result, this.#join(alternatives));
    }
    return result;
  }

  #checkExclusive(): void {
    if (this.#isChecking) return;
    this.#isChecking = true;
    for (let next = this.#unchecked.shift(); next !== undefined; next = this.#unchecked.shift()) {
      // Where the alternatives exclude one another, exactly one holds wherever any does.
      if (!areExclusive(next.value, this))
        throw new Refusal(
          next.pointer,
          'is not supported where one value may be valid for two of its schemas; anyOf is, and so are different types or a property with different constants',
        );
    }
    this.#isChecking = false;
  }

  #join(branches: readonly (readonly Conjunction[])[]): readonly Conjunction[] {
    this.budget.charge(branches.reduce((sum, { length }) => sum + length, 0));
    return branches.flat();
  }

  /** Each of the left with each of the right: "and" distributed over "or". */
  #both(left: readonly Conjunction[], right: readonly Conjunction[]): readonly Conjunction[] {
    if (left.length * right.length > LIMITS.alternatives)
      throw new Refusal('', `comes down to more than ${LIMITS.alternatives} alternatives`);
    this.budget.charge(flats(left) * (right.length + 1) + flats(right) * left.length);
    return left.flatMap(a => {
      const known = new Set(a.map(({ pointer }) => pointer));
      return right.map(b => [...a, ...b.filter(({ pointer }) => !known.has(pointer))]);
    });
  }
}

function flats(alternatives: readonly Conjunction[]): number {
  return alternatives.reduce((sum, { length }) => sum + length, 0);
}
