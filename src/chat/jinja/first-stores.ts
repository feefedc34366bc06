import { namesIn } from './names.js';
import type { Body, Statement, Target } from './nodes.js';

/**
 * Finds the names that a body stores before it reads them, in the order of its text. In Jinja such a name is
 * the body's own from its beginning: what is within, such as a macro, does not find a variable of that name
 * that the template was given, though nothing is stored yet.
 */
export class FirstStores {
  /** Stored before they are read, whichever way the body takes. */
  readonly fresh = new Set<string>();
  /** All that are read or stored, by this body or by those around it. */
  readonly known: Set<string>;
  readonly #outer: ReadonlySet<string>;

  /** @param outer names that bodies around it read or store: they are theirs. */
  constructor(outer: ReadonlySet<string>, known: ReadonlySet<string> = outer) {
    this.#outer = outer;
    this.known = new Set(known);
  }

  /** Names of the body's own from its beginning, such as parameters. */
  declare(names: Iterable<string>): void {
    for (const name of names) this.known.add(name);
  }

  visit(body: Body): void {
    for (const statement of body) this.#statement(statement);
  }

  #statement(node: Statement): void {
    switch (node.kind) {
      case 'output':
        return this.#read(node.value);
      case 'if': {
        // What is stored in one branch only may be read from outside after it.
        node.branches.forEach(({ test }) => this.#read(test));
        const branches = [...node.branches.map(({ body }) => body), node.otherwise].map(body => {
          const branch = new FirstStores(this.#outer, this.known);
          branch.visit(body);
          return branch;
        });
        for (const branch of branches) this.declare(branch.known);
        return;
      }
      case 'for':
        return this.#read(node.iterable);
      case 'set':
        this.#read(node.value);
        return this.#store(node.target);
      case 'set-block':
        return this.#store(node.target);
      case 'with':
        return node.values.forEach(value => this.#read(value));
      case 'macro':
        return this.#store({ kind: 'name', name: node.name });
      case 'call-block':
        return this.#read(node.call);
      case 'filter-block':
        return this.#read(node.filter);
      case 'autoescape':
      case 'block':
      case 'break':
      case 'continue':
      case 'data':
      case 'generation':
      case 'load':
    }
  }

  #read(node: object): void {
    this.declare(namesIn(node));
  }

  #store(target: Target): void {
    if (target.kind === 'tuple') target.items.forEach(item => this.#store(item));
    else if (target.kind === 'member') this.known.add(target.namespace);
    else {
      if (!this.known.has(target.name)) this.fresh.add(target.name);
      this.known.add(target.name);
    }
  }
}
