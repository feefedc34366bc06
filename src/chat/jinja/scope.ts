import { Undefined, type Value } from './values.js';

/** Variables of one body of a template. */
export class Scope {
  readonly #values: Map<string, Value>;
  readonly #outer: Scope | undefined;
  #root: Scope;

  constructor(outer?: Scope, values: Map<string, Value> = new Map()) {
    this.#outer = outer;
    this.#values = values;
    this.#root = outer === undefined ? this : outer.#root;
  }

  /** The variables that all bodies of the template see. */
  get root(): Scope {
    return this.#root;
  }

  /** Variables of the template itself, around which these are what it is given. */
  inner(): Scope {
    const scope = new Scope(this);
    scope.#root = scope;
    return scope;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  /** The innermost variable of a name. */
  get(name: string): Value {
    const own = this.#values.get(name);
    if (own !== undefined) return own;
    for (let scope = this.#outer; scope !== undefined; scope = scope.#outer) {
      const value = scope.#values.get(name);
      if (value !== undefined) return value;
    }
    return new Undefined(`'${name}' is undefined`);
  }
}
