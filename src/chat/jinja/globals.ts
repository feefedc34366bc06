import { bind, needIndex, needText } from './arguments.js';
import { fail, TemplateError } from './errors.js';

import { str } from './print.js';
import { iterate } from './python.js';
import type { Run } from './run.js';
import { strftime } from './strftime.js';
import { Dict, Func, Range, Thing, Tuple, Undefined, type Keywords, type Value } from './values.js';

/** Numbers of the longest range that the sandbox of Python's Jinja allows. */
const LONGEST_RANGE = 100_000;

/** What `namespace` makes: an object whose attributes a template may set. */
export class Namespace extends Thing {
  override readonly type = 'Namespace';
  readonly #values = new Dict();

  /** @throws TemplateError for a name that begins with an underscore. */
  set(name: Value, value: Value): void {
    if (typeof name === 'string' && name.startsWith('_'))
      fail(`Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${name}'.`);
    this.#values.set(name, value);
  }

  override attribute(name: string): Value | undefined {
    return this.#values.get(name);
  }

  override print(run: Run): string {
    return `<Namespace ${str(this.#values, run)}>`;
  }
}

class Cycler extends Thing {
  override readonly type = 'Cycler';
  readonly #items: readonly Value[];
  #position = 0;

  constructor(items: readonly Value[]) {
    super();
    if (items.length === 0) fail('at least one item has to be provided');
    this.#items = items;
  }

  override attribute(name: string): Value | undefined {
    const current = this.#items[this.#position]!;
    switch (name) {
      case 'current':
        return current;
      case 'items':
        return new Tuple(this.#items);
      case 'pos':
        return this.#position;
      case 'next':
        return new Func('next', () => {
          const item = this.#items[this.#position]!;
          this.#position = (this.#position + 1) % this.#items.length;
          return item;
        });
      case 'reset':
        return new Func('reset', () => {
          this.#position = 0;
          return null;
        });
    }
    return undefined;
  }
}

/** `dict(pairs or a dict, name=value, ...)`. */
function makeDict(args: readonly Value[], keywords: Keywords): Dict {
  const [source] = args;
  if (source instanceof Undefined) fail(source.message);
  if (args.length > 1) fail(`dict expected at most 1 argument, got ${args.length}`);
  const dict = new Dict(source instanceof Dict ? source.entries() : pairsOf(source));
  for (const [name, value] of keywords) dict.set(name, value);
  return dict;
}

function* pairsOf(source: Value | undefined): Generator<readonly [Value, Value]> {
  if (source === undefined) return;
  for (const pair of iterate(source)) {
    const [key, value, ...others] = iterate(pair);
    if (key === undefined || value === undefined || others.length > 0)
      fail('dictionary update sequence element has a wrong length; 2 is required');
    yield [key, value];
  }
}

function range(run: Run, args: readonly Value[]): Range {
  const numbers = args.map(needIndex);
  if (numbers.length === 0 || numbers.length > 3)
    fail(`range expected 1 to 3 arguments, got ${numbers.length}`);
  const [start, stop, step] =
    numbers.length === 1 ? [0, numbers[0]!, 1] : [numbers[0]!, numbers[1]!, numbers[2] ?? 1];
  if (step === 0) fail('range() arg 3 must not be zero');
  const result = new Range(start, stop, step);
  if (result.length > LONGEST_RANGE)
    fail(`Range too big. The sandbox blocks ranges larger than MAX_RANGE (${LONGEST_RANGE}).`);
  run.step(result.length);
  return result;
}

/** The functions that templates find, as transformers gives them. */
export const GLOBALS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['cycler', new Func('cycler', (_, args) => new Cycler(args))],
  ['dict', new Func('dict', (_, args, keywords) => makeDict(args, keywords))],
  [
    'joiner',
    new Func('joiner', (_, args, keywords) => {
      const [separator = ', '] = bind('joiner', ['sep'], 0, args, keywords);
      let used = false;
      return new Func('joiner', () => {
        if (used) return separator;
        used = true;
        return '';
      });
    }),
  ],
  [
    'namespace',
    new Func('namespace', (_, args, keywords) => {
      const namespace = new Namespace();
      for (const [key, value] of makeDict(args, keywords).entries()) namespace.set(key, value);
      return namespace;
    }),
  ],
  [
    'raise_exception',
    new Func('raise_exception', (run, args, keywords) => {
      const [message] = bind('raise_exception', ['message'], 1, args, keywords);
      throw new TemplateError(str(message!, run));
    }),
  ],
  [
    'range',
    new Func('range', (run, args, keywords) => {
      if (keywords.size > 0) fail('range() takes no keyword arguments');
      return range(run, args);
    }),
  ],
  [
    'strftime_now',
    new Func('strftime_now', (run, args, keywords) => {
      const [format] = bind('strftime_now', ['format'], 1, args, keywords);
      return strftime(run.now, needText(format!, 'strftime() argument 1'));
    }),
  ],
  ['lipsum', new Func('lipsum', () => fail('lipsum is not offered: a prompt is not made of chance'))],
]);
