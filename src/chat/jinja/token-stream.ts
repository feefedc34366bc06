import { TemplateSyntaxError } from './errors.js';
import { tokenize, type Token } from './lexer.js';

/** The tokens of a template, one after the other. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #position = 0;

  /** @throws TemplateSyntaxError */
  constructor(source: string) {
    this.#tokens = tokenize(source);
  }

  get current(): Token {
    return this.#tokens[this.#position]!;
  }

  /** The token behind the current one. */
  get following(): Token {
    return this.#tokens[Math.min(this.#position + 1, this.#tokens.length - 1)]!;
  }

  /** @returns the current token, and goes on to the next one. */
  next(): Token {
    const token = this.current;
    if (token.type !== 'eof') this.#position++;
    return token;
  }

  /** Whether the current token is one of a type, with a value where one is given. */
  is(type: Token['type'], value?: string): boolean {
    const { current } = this;
    return current.type === type && (value === undefined || current.value === value);
  }

  isName(...names: readonly string[]): boolean {
    return this.current.type === 'name' && names.includes(this.current.value);
  }

  isOperator(...operators: readonly string[]): boolean {
    return this.current.type === 'operator' && operators.includes(this.current.value);
  }

  /** Goes past the current token if it is this one. */
  skip(type: Token['type'], value?: string): boolean {
    if (!this.is(type, value)) return false;
    this.next();
    return true;
  }

  /** @throws TemplateSyntaxError where the current token is another one. */
  expect(type: Token['type'], value?: string): Token {
    if (!this.is(type, value)) this.fail(`expected ${value ?? type}, got ${this.describe()}`);
    return this.next();
  }

  /** The current token, in words. */
  describe(): string {
    const { type, value } = this.current;
    return type === 'eof' ? 'end of template' : value === '' ? type : `'${value}'`;
  }

  fail(message: string): never {
    throw new TemplateSyntaxError(`line ${this.current.line}: ${message}`);
  }
}
