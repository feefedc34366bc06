import type { Arguments, BinaryOperator, Comparison, Expression, Filter, Target } from './nodes.js';
import { int, float } from './numbers.js';
import type { TokenStream } from './token-stream.js';

const COMPARISONS = ['==', '!=', '<', '<=', '>', '>='];
const NO_ARGUMENTS: Arguments = { positional: [], keywords: [], rest: undefined, keywordRest: undefined };
const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);

/** Parses expressions by Jinja's grammar, from the weakest operator to the strongest. */
export class ExpressionParser {
  protected readonly stream: TokenStream;

  constructor(stream: TokenStream) {
    this.stream = stream;
  }

  /** @param conditional whether it may be `a if b else c`. */
  protected expression(conditional = true): Expression {
    return conditional ? this.#conditional() : this.#or();
  }

  /**
   * One expression, or several with commas, which make a tuple.
   *
   * @param end a word behind the tuple, where it is not the end of a tag.
   * @param parenthesized whether nothing at all is a tuple, too.
   */
  protected tuple({
    conditional = true,
    end,
    parenthesized = false,
  }: { conditional?: boolean; end?: string; parenthesized?: boolean } = {}): Expression {
    const [items, isTuple] = this.#separated(() => this.expression(conditional), end);
    if (!isTuple && items.length > 0) return items[0]!;
    if (!isTuple && !parenthesized) this.stream.fail(`expected an expression, got ${this.stream.describe()}`);
    return { kind: 'tuple', items };
  }

  #separated<T>(parse: () => T, end: string | undefined): [items: T[], isTuple: boolean] {
    const { stream } = this;
    const items: T[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) stream.expect('operator', ',');
      if (stream.is('variable_end') || stream.is('block_end') || stream.isOperator(')')) break;
      if (end !== undefined && stream.isName(end)) break;
      items.push(parse());
      if (!stream.isOperator(',')) break;
      isTuple = true;
    }
    return [items, isTuple];
  }

  /**
   * @param members whether attributes of namespaces may be stored to.
   * @throws TemplateSyntaxError where nothing can be stored.
   */
  protected target({ end, members = false }: { end?: string; members?: boolean } = {}): Target {
    const [items, isTuple] = this.#separated(() => this.#simpleTarget(members), end);
    if (isTuple) return { kind: 'tuple', items };
    return items[0] ?? this.stream.fail(`expected a name, got ${this.stream.describe()}`);
  }

  #simpleTarget(members: boolean): Target {
    const { stream } = this;
    if (stream.skip('operator', '(')) {
      const [items, isTuple] = this.#separated(() => this.#simpleTarget(members), undefined);
      stream.expect('operator', ')');
      return items.length === 1 && !isTuple ? items[0]! : { kind: 'tuple', items };
    }
    const { value: name } = stream.expect('name');
    if (CONSTANTS.has(name)) stream.fail(`can't assign to '${name}'`);
    if (members && stream.skip('operator', '.'))
      return { kind: 'member', namespace: name, name: stream.expect('name').value };
    return { kind: 'name', name };
  }

  #conditional(): Expression {
    let then = this.#or();
    while (this.stream.skip('name', 'if')) {
      const test = this.#or();
      const otherwise = this.stream.skip('name', 'else') ? this.#conditional() : undefined;
      then = { kind: 'conditional', test, then, otherwise };
    }
    return then;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.stream.skip('name', 'or'))
      left = { kind: 'binary', operator: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.stream.skip('name', 'and'))
      left = { kind: 'binary', operator: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    if (this.stream.skip('name', 'not')) return { kind: 'unary', operator: 'not', operand: this.#not() };
    return this.#compare();
  }

  #compare(): Expression {
    const { stream } = this;
    const first = this.#sum();
    const rest: (readonly [Comparison, Expression])[] = [];
    for (;;) {
      let operator: Comparison;
      if (stream.isOperator(...COMPARISONS)) operator = stream.next().value as Comparison;
      else if (stream.skip('name', 'in')) operator = 'in';
      else if (stream.isName('not') && stream.following.type === 'name' && stream.following.value === 'in') {
        stream.next();
        stream.next();
        operator = 'not in';
      } else break;
      rest.push([operator, this.#sum()]);
    }
    return rest.length === 0 ? first : { kind: 'compare', first, rest };
  }

  #sum(): Expression {
    return this.#binary(['+', '-'], () => this.#concatenation());
  }

  #concatenation(): Expression {
    const items = [this.#product()];
    while (this.stream.skip('operator', '~')) items.push(this.#product());
    return items.length === 1 ? items[0]! : { kind: 'concat', items };
  }

  #product(): Expression {
    return this.#binary(['*', '/', '//', '%'], () => this.#binary(['**'], () => this.#unary()));
  }

  #binary(operators: readonly BinaryOperator[], operand: () => Expression): Expression {
    let left = operand();
    while (this.stream.isOperator(...operators)) {
      const operator = this.stream.next().value as BinaryOperator;
      left = { kind: 'binary', operator, left, right: operand() };
    }
    return left;
  }

  /** @param filtered whether filters and tests behind it are of it; else they are of the sign before it. */
  #unary(filtered = true): Expression {
    const { stream } = this;
    let node: Expression;
    if (stream.isOperator('-', '+')) {
      const operator = stream.next().value as '-' | '+';
      node = { kind: 'unary', operator, operand: this.#unary(false) };
    } else node = this.#primary();
    node = this.#postfix(node);
    return filtered ? this.#filtersAndTests(node) : node;
  }

  #primary(): Expression {
    const { stream } = this;
    const token = stream.current;
    switch (token.type) {
      case 'name': {
        stream.next();
        const constant = CONSTANTS.get(token.value);
        return constant === undefined
          ? { kind: 'name', name: token.value }
          : { kind: 'constant', value: constant };
      }
      case 'string': {
        let text = '';
        while (stream.is('string')) text += stream.expect('string').value;
        return { kind: 'constant', value: text };
      }
      case 'integer':
        stream.next();
        return { kind: 'constant', value: int(BigInt(token.value)) };
      case 'float':
        stream.next();
        return { kind: 'constant', value: float(Number(token.value)) };
      case 'operator':
        if (stream.skip('operator', '(')) {
          const inner = this.tuple({ parenthesized: true });
          stream.expect('operator', ')');
          return inner;
        }
        if (token.value === '[')
          return { kind: 'list', items: this.#enclosed('[', ']', () => this.expression()) };
        if (token.value === '{') return { kind: 'dict', pairs: this.#enclosed('{', '}', () => this.#pair()) };
        break;
      case 'data':
      case 'block_begin':
      case 'block_end':
      case 'variable_begin':
      case 'variable_end':
      case 'eof':
    }
    return stream.fail(`unexpected ${stream.describe()}`);
  }

  #enclosed<T>(open: string, close: string, parse: () => T): T[] {
    const { stream } = this;
    const items: T[] = [];
    stream.expect('operator', open);
    while (!stream.isOperator(close)) {
      if (items.length > 0) stream.expect('operator', ',');
      if (stream.isOperator(close)) break;
      items.push(parse());
    }
    stream.expect('operator', close);
    return items;
  }

  #pair(): readonly [Expression, Expression] {
    const key = this.expression();
    this.stream.expect('operator', ':');
    return [key, this.expression()];
  }

  #postfix(node: Expression): Expression {
    const { stream } = this;
    let result = node;
    for (;;) {
      if (stream.isOperator('.')) result = this.#attribute(result);
      else if (stream.isOperator('[')) result = this.#item(result);
      else if (stream.isOperator('(')) result = { kind: 'call', callee: result, args: this.arguments() };
      else return result;
    }
  }

  #attribute(object: Expression): Expression {
    const { stream } = this;
    stream.expect('operator', '.');
    if (stream.is('integer')) {
      const { value } = stream.expect('integer');
      return { kind: 'item', object, index: { kind: 'constant', value: int(BigInt(value)) } };
    }
    return { kind: 'attribute', object, name: stream.expect('name').value };
  }

  #item(object: Expression): Expression {
    const { stream } = this;
    stream.expect('operator', '[');
    const items: Expression[] = [];
    while (!stream.isOperator(']')) {
      if (items.length > 0) stream.expect('operator', ',');
      items.push(this.#subscript());
    }
    stream.expect('operator', ']');
    return { kind: 'item', object, index: items.length === 1 ? items[0]! : { kind: 'tuple', items } };
  }

  #subscript(): Expression {
    const { stream } = this;
    const part = (): Expression | undefined =>
      stream.isOperator(':', ']', ',') ? undefined : this.expression();
    const start = part();
    if (!stream.skip('operator', ':')) return start ?? stream.fail('expected an index');
    const stop = part();
    const step = stream.skip('operator', ':') ? part() : undefined;
    return { kind: 'slice', start, stop, step };
  }

  #filtersAndTests(node: Expression): Expression {
    const { stream } = this;
    let result = node;
    for (;;) {
      if (stream.isOperator('|')) result = this.filters(result)!;
      else if (stream.isName('is')) result = this.#test(result);
      else if (stream.isOperator('(')) result = { kind: 'call', callee: result, args: this.arguments() };
      else return result;
    }
  }

  /**
   * `|name(arguments)`, as often as it comes.
   *
   * @param operand undefined: the text of a block.
   * @param begun whether the first filter stands without its `|`.
   */
  protected filters(operand: Expression | undefined, begun = false): Filter | undefined {
    const { stream } = this;
    let result = operand;
    for (let first = begun; first || stream.skip('operator', '|'); first = false) {
      const name = this.#dotted();
      const args = stream.isOperator('(') ? this.arguments() : NO_ARGUMENTS;
      result = { kind: 'filter', name, operand: result, args };
    }
    return result as Filter | undefined;
  }

  #dotted(): string {
    let name = this.stream.expect('name').value;
    while (this.stream.skip('operator', '.')) name += `.${this.stream.expect('name').value}`;
    return name;
  }

  #test(operand: Expression): Expression {
    const { stream } = this;
    stream.expect('name', 'is');
    const negated = stream.skip('name', 'not');
    const name = this.#dotted();
    let args = NO_ARGUMENTS;
    if (stream.isOperator('(')) args = this.arguments();
    else if (
      (stream.is('name') && !stream.isName('else', 'or', 'and')) ||
      stream.is('string') ||
      stream.is('integer') ||
      stream.is('float') ||
      stream.isOperator('[', '{')
    ) {
      if (stream.isName('is')) stream.fail('You cannot chain multiple tests with is');
      args = { ...NO_ARGUMENTS, positional: [this.#postfix(this.#primary())] };
    }
    const test: Expression = { kind: 'test', name, operand, args };
    return negated ? { kind: 'unary', operator: 'not', operand: test } : test;
  }

  /** Arguments in parentheses. */
  protected arguments(): Arguments {
    const { stream } = this;
    const positional: Expression[] = [];
    const keywords: (readonly [string, Expression])[] = [];
    let rest: Expression | undefined;
    let keywordRest: Expression | undefined;
    const ensure = (valid: boolean): void => {
      if (!valid) stream.fail('invalid syntax for function call expression');
    };
    this.#enclosed('(', ')', () => {
      if (stream.skip('operator', '*')) {
        ensure(rest === undefined && keywordRest === undefined);
        rest = this.expression();
      } else if (stream.skip('operator', '**')) {
        ensure(keywordRest === undefined);
        keywordRest = this.expression();
      } else if (
        stream.is('name') &&
        stream.following.type === 'operator' &&
        stream.following.value === '='
      ) {
        ensure(keywordRest === undefined);
        const { value: name } = stream.expect('name');
        stream.next();
        keywords.push([name, this.expression()]);
      } else {
        ensure(rest === undefined && keywordRest === undefined && keywords.length === 0);
        positional.push(this.expression());
      }
    });
    return { positional, keywords, rest, keywordRest };
  }
}
