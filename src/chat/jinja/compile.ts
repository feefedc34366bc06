import { call } from './access.js';
import { ExpressionCompiler, type Evaluate } from './compile-expression.js';
import { fail } from './errors.js';
import type { Environment } from './filter.js';
import { Namespace } from './globals.js';
import { FirstStores } from './first-stores.js';
import { escapeHtml } from './html.js';
import { Loop, passing } from './loop.js';
import { Macro, type MacroShape } from './macro.js';
import { namesIn } from './names.js';
import type { Body, Signature, Statement, Target } from './nodes.js';
import { str } from './print.js';
import { iterate, truth, typeName } from './python.js';
import type { Run } from './run.js';
import { Scope } from './scope.js';
import { Func, Markup, Undefined, type Value } from './values.js';

/** How a body ended: with its end, or within a loop by `break` or `continue`. */
type End = undefined | 'break' | 'continue';

/** A statement, or a body, as a function that writes. */
export type Execute = (scope: Scope, run: Run) => End;

type Store = (scope: Scope, value: Value, run: Run) => void;

/**
 * Compiles a template.
 *
 * @throws TemplateSyntaxError for filters and tests that do not exist
 */
export function compile(body: Body, environment: Environment): Execute {
  return new Compiler(environment).template(body);
}

class Compiler extends ExpressionCompiler {
  /** Blocks of the template by name, for `self`. */
  readonly #blocks = new Map<string, Execute>();
  /** Names that the bodies around the current place read or store. */
  #known: ReadonlySet<string> = new Set();

  constructor(environment: Environment) {
    super(environment);
  }

  template(body: Body): Execute {
    const execute = this.#apart(body);
    const blocks = this.#blocks;
    return (scope, run) => {
      scope.set('self', selfOf(blocks, scope));
      return execute(scope, run);
    };
  }

  #body(body: Body): Execute {
    const statements = body.map(statement => this.#statement(statement));
    return (scope, run) => {
      for (const statement of statements) {
        const end = statement(scope, run);
        if (end !== undefined) return end;
      }
      return undefined;
    };
  }

  /**
   * A body with variables of its own, whose branches are not those around it.
   *
   * @param own names of variables that are there when it begins.
   */
  #apart(body: Body, own: Iterable<string> = []): Execute {
    const [inBranch, known] = [this.inBranch, this.#known];
    const stores = new FirstStores(known);
    stores.declare(own);
    stores.visit(body);
    [this.inBranch, this.#known] = [false, stores.known];
    const execute = this.#body(body);
    [this.inBranch, this.#known] = [inBranch, known];
    const missing = Array.from(
      stores.fresh,
      name => [name, new Undefined(`'${name}' is undefined`)] as const,
    );
    if (missing.length === 0) return execute;
    return (scope, run) => {
      for (const [name, value] of missing) scope.set(name, value);
      return execute(scope, run);
    };
  }

  #statement(node: Statement): Execute {
    switch (node.kind) {
      case 'data': {
        const { text } = node;
        return (_, run) => run.write(text) as undefined;
      }
      case 'output': {
        const value = this.expression(node.value);
        return (scope, run) => {
          run.step();
          print(value(scope, run), run);
          return undefined;
        };
      }
      case 'if':
        return this.#if(node);
      case 'for':
        return this.#for(node);
      case 'break':
      case 'continue': {
        const { kind } = node;
        return () => kind;
      }
      case 'set': {
        const [value, store] = [this.expression(node.value), this.#store(node.target)];
        return (scope, run) => {
          run.step();
          store(scope, value(scope, run), run);
          return undefined;
        };
      }
      case 'set-block':
        return this.#setBlock(node);
      case 'with': {
        const targets = node.targets.map(target => this.#store(target));
        const values = node.values.map(value => this.expression(value));
        const body = this.#apart(node.body, node.targets.flatMap(namesOf));
        return (scope, run) => {
          run.step();
          const inner = new Scope(scope);
          values.forEach((value, i) => targets[i]!(inner, value(scope, run), run));
          return body(inner, run);
        };
      }
      case 'macro': {
        const { name } = node;
        const macro = this.#macro(name, node.signature, node.body);
        return scope => scope.set(name, macro(scope)) as undefined;
      }
      case 'call-block':
        return this.#callBlock(node);
      case 'filter-block': {
        const text = this.#captured(node.body);
        const filter = this.filterOfText(node.filter, text);
        return (scope, run) => print(filter(scope, run), run) as undefined;
      }
      case 'block':
        return this.#block(node);
      case 'autoescape': {
        const [value, body] = [this.expression(node.value), this.#apart(node.body)];
        return (scope, run) => {
          const outside = run.autoescape;
          run.autoescape = truth(value(scope, run));
          const end = body(new Scope(scope), run);
          run.autoescape = outside;
          return end;
        };
      }
      case 'generation': {
        const body = this.#apart(node.body);
        return (scope, run) => body(new Scope(scope), run);
      }
      case 'load':
        return () => fail('no loader for this environment specified');
    }
  }

  #if({ branches, otherwise }: Extract<Statement, { kind: 'if' }>): Execute {
    const outside = this.inBranch;
    this.inBranch = true;
    const tests = branches.map(({ test, body }) => [this.expression(test), this.#body(body)] as const);
    const rest = this.#body(otherwise);
    this.inBranch = outside;
    return (scope, run) => {
      run.step();
      for (const [test, body] of tests) if (truth(test(scope, run))) return body(scope, run);
      return rest(scope, run);
    };
  }

  #for(node: Extract<Statement, { kind: 'for' }>): Execute {
    const iterable = this.expression(node.iterable);
    const store = this.#store(node.target);
    const outside = this.inBranch;
    this.inBranch = false;
    const test = node.test && this.expression(node.test);
    this.inBranch = outside;
    const body = this.#apart(node.body, ['loop', ...namesOf(node.target)]);
    const otherwise = this.#apart(node.otherwise);
    const { recursive } = node;

    const render = (items: Value, depth: number, scope: Scope, run: Run): void => {
      const chosen =
        test === undefined
          ? iterate(items)
          : passing(items, item => {
              const inner = new Scope(scope);
              run.step();
              store(inner, item, run);
              return truth(test(inner, run));
            });
      const recurse = recursive
        ? (inner: Value, level: number): Value =>
            run.enter(() => {
              const text = run.capture(() => render(inner, level, scope, run));
              return run.autoescape ? new Markup(text) : text;
            })
        : undefined;
      const loop = new Loop(test === undefined ? items : null, chosen, depth, recurse);
      let completed = false;
      for (let item = loop.next(); item !== undefined; item = loop.next()) {
        run.step();
        const inner = new Scope(scope);
        inner.set('loop', loop);
        store(inner, item, run);
        const end = body(inner, run);
        if (end === 'break') break;
        if (end !== 'continue') completed = true;
      }
      // As in Jinja, items that were all left early count as none.
      if (!completed) otherwise(new Scope(scope), run);
    };
    return (scope, run) => {
      run.step();
      return render(iterable(scope, run), 0, scope, run) as undefined;
    };
  }

  #store(target: Target): Store {
    switch (target.kind) {
      case 'name': {
        const { name } = target;
        return (scope, value) => scope.set(name, value);
      }
      case 'member': {
        const { namespace, name } = target;
        return (scope, value) => {
          const object = scope.get(namespace);
          if (object instanceof Undefined) fail(object.message);
          if (!(object instanceof Namespace)) return fail('cannot assign attribute on non-namespace object');
          object.set(name, value);
        };
      }
      case 'tuple': {
        const stores = target.items.map(item => this.#store(item));
        return (scope, value, run) => {
          const items = [...iterateForUnpacking(value)];
          run.step(items.length);
          if (items.length < stores.length)
            fail(`not enough values to unpack (expected ${stores.length}, got ${items.length})`);
          if (items.length > stores.length) fail(`too many values to unpack (expected ${stores.length})`);
          stores.forEach((store, i) => store(scope, items[i]!, run));
        };
      }
    }
  }

  /** A body's text, with variables of its own. */
  #captured(body: Body): Evaluate {
    const execute = this.#apart(body);
    return (scope, run) => {
      const text = run.capture(() => execute(new Scope(scope), run));
      return run.autoescape ? new Markup(text) : text;
    };
  }

  #setBlock({ target, filter, body }: Extract<Statement, { kind: 'set-block' }>): Execute {
    const text = this.#captured(body);
    const value = filter === undefined ? text : this.filterOfText(filter, text);
    const store = this.#store(target);
    return (scope, run) => {
      run.step();
      store(scope, value(scope, run), run);
      return undefined;
    };
  }

  #macro(name: string | undefined, signature: Signature, body: Body): (scope: Scope) => Macro {
    const { names, defaults } = signature;
    const used = namesIn(body);
    const shape: MacroShape = {
      name,
      parameters: names,
      takesCaller: used.has('caller'),
      takesKeywords: used.has('kwargs'),
      takesRest: used.has('varargs'),
    };
    const outside = this.inBranch;
    this.inBranch = false;
    const values = defaults.map(value => this.expression(value));
    this.inBranch = outside;
    const execute = this.#apart(body, [...names, 'caller', 'kwargs', 'varargs']);
    const firstDefault = names.length - values.length;
    return scope =>
      new Macro(shape, (args, run) => {
        const inner = new Scope(scope, new Map(args));
        names.forEach((name, i) => {
          if (args.has(name)) return;
          const value = values[i - firstDefault];
          inner.set(
            name,
            value === undefined ? new Undefined(`parameter '${name}' was not provided`) : value(inner, run),
          );
        });
        return run.capture(() => execute(inner, run));
      });
  }

  #callBlock({ call: node, signature, body }: Extract<Statement, { kind: 'call-block' }>): Execute {
    const caller = this.#macro(undefined, signature, body);
    const callee = this.expression(node.callee);
    const [positional, keywords] = this.arguments(node.args);
    return (scope, run) => {
      const named = new Map(keywords(scope, run)).set('caller', caller(scope));
      print(call(callee(scope, run), run, positional(scope, run), named), run);
      return undefined;
    };
  }

  #block({ name, scoped, body }: Extract<Statement, { kind: 'block' }>): Execute {
    const execute = this.#apart(body);
    this.#blocks.set(name, execute);
    return (scope, run) => {
      run.step();
      return execute(new Scope(scoped ? scope : scope.root), run);
    };
  }
}

function print(value: Value, run: Run): void {
  if (typeof value === 'string' && !run.autoescape) run.write(value);
  else run.write(run.autoescape ? escapeHtml(value, run) : str(value, run));
}

function iterateForUnpacking(value: Value): Iterable<Value> {
  if (value instanceof Undefined) return [];
  if (value === null || typeof value === 'number' || typeof value === 'boolean')
    return fail(`cannot unpack non-iterable ${typeName(value)} object`);
  return iterate(value);
}

/** The names of variables that a target stores to. */
function namesOf(target: Target): string[] {
  if (target.kind === 'tuple') return target.items.flatMap(namesOf);
  return target.kind === 'name' ? [target.name] : [];
}

/** The variable `self`, whose attributes are the template's blocks. */
function selfOf(blocks: ReadonlyMap<string, Execute>, scope: Scope): Value {
  const self = new Namespace();
  for (const [name, execute] of blocks)
    self.set(
      name,
      new Func(name, run => run.enter(() => run.capture(() => execute(new Scope(scope.root), run)))),
    );
  return self;
}
