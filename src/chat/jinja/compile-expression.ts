import { attribute, call, callAttribute, item } from './access.js';
import { fail, TemplateSyntaxError } from './errors.js';
import type { Environment, Filter } from './filter.js';
import { escapeHtml } from './html.js';
import type { Arguments, Expression, Filter as FilterNode, Slice as SliceNode } from './nodes.js';
import { binary, compares, sign } from './operators.js';
import { str } from './print.js';
import { iterate, textOf, truth, typeName } from './python.js';
import type { Run } from './run.js';
import type { Scope } from './scope.js';
import { Dict, Markup, NO_KEYWORDS, Slice, Tuple, Undefined, type Keywords, type Value } from './values.js';

/** An expression as a function of the variables. */
export type Evaluate = (scope: Scope, run: Run) => Value;

/**
 * Compiles expressions to functions, so that a template is looked through once.
 *
 * Filters and tests that do not exist are refused when the template is read; within branches of conditions
 * only when they are met, as Jinja has it.
 */
export class ExpressionCompiler {
  protected readonly environment: Environment;
  /** Whether the current place is within a branch of a condition. */
  protected inBranch = false;

  constructor(environment: Environment) {
    this.environment = environment;
  }

  /** @throws TemplateSyntaxError for a filter or a test that does not exist */
  protected expression(node: Expression): Evaluate {
    switch (node.kind) {
      case 'constant': {
        const { value } = node;
        return () => value;
      }
      case 'name': {
        const { name } = node;
        return scope => scope.get(name);
      }
      case 'list': {
        const items = this.#all(node.items);
        return (scope, run) => items.map(item => item(scope, run));
      }
      case 'tuple': {
        const items = this.#all(node.items);
        return (scope, run) => new Tuple(items.map(item => item(scope, run)));
      }
      case 'concat': {
        const items = this.#all(node.items);
        return (scope, run) =>
          concatenate(
            items.map(item => item(scope, run)),
            run,
          );
      }
      case 'dict': {
        const pairs = node.pairs.map(
          ([key, value]) => [this.expression(key), this.expression(value)] as const,
        );
        return (scope, run) =>
          new Dict(pairs.map(([key, value]) => [key(scope, run), value(scope, run)] as const));
      }
      case 'unary': {
        const operand = this.expression(node.operand);
        const { operator } = node;
        if (operator === 'not') return (scope, run) => !truth(operand(scope, run));
        return (scope, run) => sign(operator, operand(scope, run));
      }
      case 'binary':
        return this.#binary(node);
      case 'compare':
        return this.#compare(node);
      case 'conditional':
        return this.#conditional(node);
      case 'attribute': {
        const object = this.expression(node.object);
        const { name } = node;
        return (scope, run) => attribute(object(scope, run), name, run);
      }
      case 'item': {
        const object = this.expression(node.object);
        const index = this.expression(node.index);
        return (scope, run) => item(object(scope, run), index(scope, run), run);
      }
      case 'slice':
        return this.#slice(node);
      case 'call':
        return this.call(node.callee, node.args);
      case 'filter':
        return this.filter(node, this.expression(node.operand!));
      case 'test': {
        const test = this.#find(this.environment.tests, 'test', node.name);
        return this.#apply(test, this.expression(node.operand), node.args, truth);
      }
    }
  }

  #all(nodes: readonly Expression[]): Evaluate[] {
    return nodes.map(node => this.expression(node));
  }

  #binary({ operator, left, right }: Extract<Expression, { kind: 'binary' }>): Evaluate {
    const [first, second] = [this.expression(left), this.expression(right)];
    if (operator === 'and')
      return (scope, run) => {
        const value = first(scope, run);
        return truth(value) ? second(scope, run) : value;
      };
    if (operator === 'or')
      return (scope, run) => {
        const value = first(scope, run);
        return truth(value) ? value : second(scope, run);
      };
    return (scope, run) => binary(operator, first(scope, run), second(scope, run), run);
  }

  #compare({ first, rest }: Extract<Expression, { kind: 'compare' }>): Evaluate {
    const start = this.expression(first);
    const steps = rest.map(([operator, node]) => [operator, this.expression(node)] as const);
    return (scope, run) => {
      let left = start(scope, run);
      for (const [operator, operand] of steps) {
        const right = operand(scope, run);
        if (!compares(operator, left, right, run)) return false;
        left = right;
      }
      return true;
    };
  }

  #conditional({ test, then, otherwise }: Extract<Expression, { kind: 'conditional' }>): Evaluate {
    const outside = this.inBranch;
    this.inBranch = true;
    const [condition, yes] = [this.expression(test), this.expression(then)];
    const no = otherwise && this.expression(otherwise);
    this.inBranch = outside;
    return (scope, run) => {
      if (truth(condition(scope, run))) return yes(scope, run);
      return no === undefined
        ? new Undefined('the inline if-expression evaluated to false and no else section was defined.')
        : no(scope, run);
    };
  }

  #slice({ start, stop, step }: SliceNode): Evaluate {
    const [first, end, by] = [start, stop, step].map(node => node && this.expression(node));
    return (scope, run) =>
      new Slice(first?.(scope, run) ?? null, end?.(scope, run) ?? null, by?.(scope, run) ?? null);
  }

  /** @param callee called with the arguments; a method of a text or a dict is called without being made first */
  protected call(callee: Expression, args: Arguments): Evaluate {
    const [positional, keywords] = this.arguments(args);
    if (callee.kind === 'attribute') {
      const object = this.expression(callee.object);
      const { name } = callee;
      return (scope, run) =>
        callAttribute(object(scope, run), name, run, positional(scope, run), keywords(scope, run));
    }
    const called = this.expression(callee);
    return (scope, run) => call(called(scope, run), run, positional(scope, run), keywords(scope, run));
  }

  /** A filter of a value. */
  protected filter({ name, args }: FilterNode, operand: Evaluate): Evaluate {
    return this.#apply(this.#find(this.environment.filters, 'filter', name), operand, args, value => value);
  }

  /** The filters of a block's text: the innermost one has no operand of its own. */
  protected filterOfText(node: FilterNode, text: Evaluate): Evaluate {
    const { operand } = node;
    return this.filter(node, operand === undefined ? text : this.filterOfText(operand as FilterNode, text));
  }

  #apply(filter: Filter, operand: Evaluate, args: Arguments, result: (value: Value) => Value): Evaluate {
    const { environment } = this;
    const [positional, keywords] = this.arguments(args);
    return (scope, run) => {
      run.step();
      const value = operand(scope, run);
      return result(filter(value, positional(scope, run), keywords(scope, run), run, environment));
    };
  }

  #find(known: ReadonlyMap<string, Filter>, kind: string, name: string): Filter {
    const found = known.get(name);
    if (found !== undefined) return found;
    const message = `No ${kind} named '${name}'.`;
    if (!this.inBranch) throw new TemplateSyntaxError(message);
    return () => fail(message);
  }

  /** The positional and the keyword arguments. */
  protected arguments({
    positional,
    keywords,
    rest,
    keywordRest,
  }: Arguments): [(scope: Scope, run: Run) => readonly Value[], (scope: Scope, run: Run) => Keywords] {
    const items = this.#all(positional);
    const [others, named] = [rest && this.expression(rest), keywordRest && this.expression(keywordRest)];
    const pairs = keywords.map(([name, node]) => [name, this.expression(node)] as const);
    return [
      items.length === 0 && others === undefined
        ? () => []
        : (scope, run) => {
            const values = items.map(item => item(scope, run));
            return others === undefined ? values : [...values, ...iterate(others(scope, run))];
          },
      pairs.length === 0 && named === undefined
        ? () => NO_KEYWORDS
        : (scope, run) => {
            const values = new Map(pairs.map(([name, value]) => [name, value(scope, run)] as const));
            if (named !== undefined) addKeywords(values, named(scope, run));
            return values;
          },
    ];
  }
}

function addKeywords(values: Map<string, Value>, more: Value): void {
  if (!(more instanceof Dict)) return fail(`argument after ** must be a mapping, not ${typeName(more)}`);
  for (const [key, value] of more.entries()) {
    const name = textOf(key) ?? fail('keywords must be strings');
    if (values.has(name)) fail(`got multiple values for keyword argument '${name}'`);
    values.set(name, value);
  }
}

/** `a ~ b`. Where output is escaped, HTML stays HTML. */
function concatenate(values: readonly Value[], run: Run): Value {
  if (run.autoescape && values.some(value => value instanceof Markup))
    return new Markup(values.map(value => escapeHtml(value, run)).join(''));
  let text = '';
  for (const value of values) text = run.text(text + str(value, run));
  return text;
}
