import { needIndex } from './arguments.js';
import { fail } from './errors.js';
import { isNumber, toInteger, toNumber } from './numbers.js';
import { floatText, integerText } from './print.js';
import { compare, isList, textOf, typeName } from './python.js';
import type { Run } from './run.js';
import { Dict, Tuple, type Value } from './values.js';

/** How `json.dumps` writes. */
export interface JsonOptions {
  readonly ensureAscii: boolean;
  /** A text, a number of spaces, or none: all on one line. */
  readonly indent: Value;
  /** What is between items, and behind keys; none: as the indent needs. */
  readonly separators: Value;
  readonly sortKeys: boolean;
}

/** `json.dumps(value)`. @throws TemplateError for what JSON has not; TemplateTooLarge */
export function toJson(value: Value, options: JsonOptions, run: Run): string {
  return new Writer(options, run).write(value, '\n');
}

class Writer {
  readonly #options: JsonOptions;
  readonly #run: Run;
  readonly #indent: string | undefined;
  readonly #itemSeparator: string;
  readonly #keySeparator: string;

  constructor(options: JsonOptions, run: Run) {
    const { indent, separators } = options;
    this.#options = options;
    this.#run = run;
    const spaces = indent === null ? undefined : (textOf(indent) ?? Math.max(0, needIndex(indent)));
    if (typeof spaces === 'number') run.room(spaces);
    this.#indent = typeof spaces === 'number' ? ' '.repeat(spaces) : spaces;
    const parts = separators instanceof Tuple ? separators.items : isList(separators) ? separators : [];
    if (separators !== null && parts.length !== 2) fail('separators must be two texts');
    const [item, key] = parts.map(part => textOf(part) ?? fail('separators must be two texts'));
    this.#itemSeparator = item ?? (this.#indent === undefined ? ', ' : ',');
    this.#keySeparator = key ?? ': ';
  }

  /** @param line the line break and the indentation around the value. */
  write(value: Value, line: string): string {
    this.#run.step();
    const text = textOf(value);
    if (text !== undefined) return this.#run.text(this.#quote(text));
    if (value === null) return 'null';
    if (typeof value === 'boolean') return String(value);
    if (isNumber(value)) {
      const integer = toInteger(value);
      if (integer !== undefined) return integerText(BigInt(integer));
      return jsonFloat(toNumber(value));
    }
    if (isList(value)) return this.#items('[', ']', value.length, line, inner => this.#list(value, inner));
    if (value instanceof Tuple)
      return this.#items('[', ']', value.items.length, line, inner => this.#list(value.items, inner));
    if (value instanceof Dict)
      return this.#items('{', '}', value.size, line, inner => this.#dict(value, inner));
    return fail(`Object of type ${typeName(value)} is not JSON serializable`);
  }

  #items(
    open: string,
    close: string,
    size: number,
    line: string,
    parts: (inner: string) => string[],
  ): string {
    if (size === 0) return open + close;
    if (this.#indent === undefined)
      return this.#run.text(open + parts(line).join(this.#itemSeparator) + close);
    const inner = line + this.#indent;
    return this.#run.text(open + inner + parts(inner).join(this.#itemSeparator + inner) + line + close);
  }

  #list(items: readonly Value[], line: string): string[] {
    let size = 0;
    return items.map(item => {
      const text = this.write(item, line);
      this.#run.room((size += text.length));
      return text;
    });
  }

  #dict(dict: Dict, line: string): string[] {
    let entries = [...dict.entries()];
    if (this.#options.sortKeys) entries = entries.sort(([a], [b]) => compare(a, b, '<', this.#run));
    let size = 0;
    return entries.map(([key, value]) => {
      const text = this.#quote(keyText(key)) + this.#keySeparator + this.write(value, line);
      this.#run.room((size += text.length));
      return text;
    });
  }

  #quote(text: string): string {
    // Half a character, which JavaScript would write as an escape, stays as it is.
    const quoted = JSON.stringify(text).replace(/\\\\|\\u(d[89a-f][\da-f]{2})/g, (all, code?: string) =>
      code === undefined ? all : String.fromCharCode(Number.parseInt(code, 16)),
    );
    if (!this.#options.ensureAscii) return quoted;
    return quoted.replace(/[\x7f-\uffff]/g, unit =>
      unit === '\x7f' ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  }
}

function keyText(key: Value): string {
  const text = textOf(key);
  if (text !== undefined) return text;
  if (key === null) return 'null';
  if (typeof key === 'boolean') return String(key);
  if (isNumber(key)) {
    const integer = toInteger(key);
    return integer === undefined ? jsonFloat(toNumber(key)) : integerText(BigInt(integer));
  }
  return fail(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? floatText(value) : value < 0 ? '-Infinity' : 'Infinity';
}
