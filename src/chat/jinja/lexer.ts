import { TemplateSyntaxError } from './errors.js';
import { unescapeString } from './string-literal.js';
import { SPACES } from './space.js';
import { strip } from './splitting.js';

/** The smallest part of a template that the parser sees. */
export interface Token {
  /** `data` is text outside tags, without the white space that tags remove. */
  readonly type:
    | 'data'
    | 'block_begin'
    | 'block_end'
    | 'variable_begin'
    | 'variable_end'
    | 'name'
    | 'string'
    | 'integer'
    | 'float'
    | 'operator'
    | 'eof';
  /** The text; of strings what they mean, of numbers without underscores. */
  readonly value: string;
  readonly line: number;
}

const BEGIN = new RegExp(
  `\\{(?:%([-+]?)${SPACES}*raw${SPACES}*(?:-%\\}${SPACES}*|%\\})|%([-+]?)|\\{([-+]?)|#([-+]?))`,
  'g',
);
const END_RAW = new RegExp(`\\{%([-+]?)${SPACES}*endraw${SPACES}*(?:\\+%\\}|-%\\}${SPACES}*|%\\}\\n?)`, 'g');
const END_COMMENT = new RegExp(`\\+#\\}|-#\\}${SPACES}*|#\\}\\n?`, 'g');
const END_BLOCK = new RegExp(`\\+%\\}|-%\\}${SPACES}*|%\\}\\n?`, 'y');
const END_VARIABLE = new RegExp(`-\\}\\}${SPACES}*|\\}\\}`, 'y');
const SPACE = new RegExp(`${SPACES}+`, 'y');
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const NAME = /[\p{L}\p{N}\p{M}\p{Pc}]+/uy;
const IDENTIFIER = /^[\p{ID_Start}_]\p{ID_Continue}*$/u;
const STRING = /'(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*"/y;
const OPERATOR = /\/\/|\*\*|==|!=|>=|<=|[-+*/%~[\](){}<>=.:|,;]/y;

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** White space at the end of a line's beginning, before a tag: `lstrip_blocks` removes it. */
const INDENTATION = new RegExp(`^${SPACES}+$`);

/**
 * Reads a template as Jinja's lexer does with `trim_blocks` and `lstrip_blocks`: line breaks become `\n`, the
 * last one of the source goes, a line break behind a block goes, and white space before it on its line.
 *
 * @throws TemplateSyntaxError
 */
export function tokenize(text: string): Token[] {
  return new Lexer(text.replace(/\r\n?/g, '\n').replace(/\n$/, '')).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #position = 0;
  #line = 1;
  #counted = 0;
  /** Whether what was read last ends with a line break, or nothing was read. */
  #atLineStart = true;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Token[] {
    const source = this.#source;
    while (this.#position < source.length) {
      const begin = find(BEGIN, source, this.#position);
      if (begin === null) {
        this.#data(source.slice(this.#position), undefined);
        break;
      }
      const [, raw, block, variable, comment] = begin;
      const sign = raw ?? block ?? variable ?? comment!;
      this.#data(source.slice(this.#position, begin.index), variable === undefined ? sign : sign || '+');
      this.#moveTo(begin.index + begin[0].length);
      if (raw !== undefined) this.#raw();
      else if (comment !== undefined) this.#comment();
      else this.#tag(block !== undefined ? 'block' : 'variable');
    }
    this.#push('eof', '');
    return this.#tokens;
  }

  /** @param sign of the tag behind the text: `-` removes white space, `+` keeps it; undefined at the end. */
  #data(text: string, sign: string | undefined): void {
    let kept = text;
    if (sign === '-') kept = strip(text, 'right');
    else if (sign === '') {
      const start = text.lastIndexOf('\n') + 1;
      if ((start > 0 || this.#atLineStart) && INDENTATION.test(text.slice(start)))
        kept = text.slice(0, start);
    }
    if (kept !== '') this.#push('data', kept);
  }

  #raw(): void {
    const end = find(END_RAW, this.#source, this.#position);
    if (end === null) this.#fail('Missing end of raw directive');
    this.#data(this.#source.slice(this.#position, end.index), end[1]);
    this.#moveTo(end.index + end[0].length);
  }

  #comment(): void {
    const end = find(END_COMMENT, this.#source, this.#position);
    if (end === null) this.#fail('Missing end of comment tag');
    this.#moveTo(end.index + end[0].length);
  }

  #tag(kind: 'block' | 'variable'): void {
    this.#push(`${kind}_begin`, '');
    const end = kind === 'block' ? END_BLOCK : END_VARIABLE;
    const open: string[] = [];
    while (this.#position < this.#source.length) {
      if (open.length === 0 && this.#take(end) !== undefined) {
        this.#push(`${kind}_end`, '');
        return;
      }
      this.#token(open);
    }
  }

  #token(open: string[]): void {
    if (this.#take(SPACE) !== undefined) return;
    let text: string | undefined;
    if ((text = this.#take(FLOAT)) !== undefined) this.#push('float', text.replaceAll('_', ''));
    else if ((text = this.#take(INTEGER)) !== undefined) this.#push('integer', text.replaceAll('_', ''));
    else if ((text = this.#take(NAME)) !== undefined) {
      if (!IDENTIFIER.test(text)) this.#fail('Invalid character in identifier');
      this.#push('name', text);
    } else if ((text = this.#take(STRING)) !== undefined)
      this.#push('string', unescapeString(text.slice(1, -1), this.#line));
    else if ((text = this.#take(OPERATOR)) !== undefined) {
      if (text in CLOSING) open.push(CLOSING[text]!);
      else if (/[)\]}]/.test(text)) {
        const expected = open.pop();
        if (expected === undefined) this.#fail(`unexpected '${text}'`);
        if (expected !== text) this.#fail(`unexpected '${text}', expected '${expected}'`);
      }
      this.#push('operator', text);
    } else this.#fail(`unexpected char '${this.#source[this.#position]!}' at ${this.#position}`);
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#source);
    if (match === null) return undefined;
    this.#moveTo(this.#position + match[0].length);
    return match[0];
  }

  #moveTo(position: number): void {
    this.#position = position;
    this.#atLineStart = this.#source[position - 1] === '\n';
  }

  #push(type: Token['type'], value: string): void {
    for (; this.#counted < this.#position; this.#counted++)
      if (this.#source[this.#counted] === '\n') this.#line++;
    this.#tokens.push({ type, value, line: this.#line });
  }

  #fail(message: string): never {
    throw new TemplateSyntaxError(`line ${this.#line}: ${message}`);
  }
}

function find(pattern: RegExp, text: string, from: number): RegExpExecArray | null {
  pattern.lastIndex = from;
  return pattern.exec(text);
}
