import { ownAttribute } from './access.js';
import { needFlag, needIndex } from './arguments.js';
import { attributeGetter, attributesGetter, withoutCase } from './attribute-getter.js';
import { fail } from './errors.js';
import { filter, type Environment, type Filter } from './filter.js';
import { binary } from './operators.js';
import { str } from './print.js';
import {
  compare,
  equal,
  isList,
  iterate,
  itemsOf,
  listOf,
  sizeOf,
  textOf,
  truth,
  typeName,
} from './python.js';
import type { Run } from './run.js';
import { characters } from './text.js';
import {
  Dict,
  hashOf,
  Markup,
  Range,
  Stream,
  Tuple,
  Undefined,
  View,
  type Keywords,
  type Value,
} from './values.js';

type Arguments = readonly (Value | undefined)[];

/** Items in order, equal ones as they were. */
function sort(items: readonly Value[], key: (value: Value) => Value, reverse: boolean, run: Run): Value[] {
  const keyed = items.map(value => ({ value, key: key(value) }));
  const order = reverse ? -1 : 1;
  keyed.sort((a, b) => order * compare(a.key, b.key, '<', run));
  return keyed.map(({ value }) => value);
}

function dictSort(value: Value, [sensitive, by, reverse = false]: Arguments, run: Run): Value {
  if (!(value instanceof Dict)) return fail(value instanceof Undefined ? value.message : noItems(value));
  const which = by === undefined ? 'key' : textOf(by);
  if (which !== 'key' && which !== 'value') fail('You can only sort by either "key" or "value"');
  const place = which === 'key' ? 0 : 1;
  const key = (pair: Value): Value => {
    const part = (pair as Tuple).items[place]!;
    return truth(sensitive ?? false) ? part : withoutCase(part);
  };
  const pairs = [...value.entries()].map(pair => new Tuple(pair));
  return sort(pairs, key, needFlag(reverse), run);
}

function noItems(value: Value): string {
  return `'${typeName(value)}' object has no attribute 'items'`;
}

function* unique(value: Value, [sensitive, attribute]: Arguments, run: Run): Generator<Value> {
  const get = attributeGetter(attribute, run);
  const seen = new Set<unknown>();
  for (const item of iterate(value)) {
    run.step();
    const key = hashOf(truth(sensitive ?? false) ? get(item) : withoutCase(get(item)));
    if (seen.has(key)) continue;
    seen.add(key);
    yield item;
  }
}

function extreme(sign: 1 | -1): (value: Value, args: Arguments, run: Run) => Value {
  return (value, [sensitive, attribute], run) => {
    const get = attributeGetter(attribute, run);
    let best: { readonly item: Value; readonly key: Value } | undefined;
    for (const item of iterate(value)) {
      const key = truth(sensitive ?? false) ? get(item) : withoutCase(get(item));
      if (best === undefined || sign * compare(key, best.key, sign < 0 ? '<' : '>', run) > 0)
        best = { item, key };
    }
    return best === undefined ? new Undefined('No aggregated item, sequence was empty.') : best.item;
  };
}

function groupBy(value: Value, [attribute, otherwise, sensitive]: Arguments, run: Run): Value {
  const get = attributeGetter(attribute, run, otherwise);
  const key = (item: Value): Value => (truth(sensitive ?? false) ? get(item) : withoutCase(get(item)));
  const groups: { readonly key: Value; readonly items: Value[] }[] = [];
  for (const item of sort(listOf(value, run), key, false, run)) {
    const last = groups.at(-1);
    const itemKey = key(item);
    if (last !== undefined && equal(last.key, itemKey, run)) last.items.push(item);
    else groups.push({ key: itemKey, items: [item] });
  }
  return groups.map(({ items }) => new Tuple([get(items[0]!), items], ['grouper', 'list']));
}

function* batch(value: Value, [count, fill]: Arguments, run: Run): Generator<Value> {
  let part: Value[] = [];
  for (const item of iterate(value)) {
    run.step();
    if (equal(part.length, count!, run)) {
      yield part;
      part = [];
    }
    part.push(item);
  }
  if (part.length === 0) return;
  if (fill !== undefined && fill !== null) {
    const missing = needIndex(count!) - part.length;
    run.room(missing);
    for (let i = 0; i < missing; i++) part.push(fill);
  }
  yield part;
}

function* slices(value: Value, [count, fill]: Arguments, run: Run): Generator<Value> {
  const items = listOf(value, run);
  const parts = needIndex(count!);
  if (parts === 0) fail('integer division or modulo by zero');
  const [each, extra] = [Math.floor(items.length / parts), ((items.length % parts) + parts) % parts];
  let start = 0;
  for (let i = 0; i < parts; i++) {
    run.step();
    const end = start + each + (i < extra ? 1 : 0);
    const part = items.slice(start, end);
    if (fill !== undefined && fill !== null && i >= extra) part.push(fill);
    yield part;
    start = end;
  }
}

function sum(value: Value, [attribute, start = 0]: Arguments, run: Run): Value {
  const get = attributeGetter(attribute, run);
  let total = start;
  if (textOf(total) !== undefined) fail("sum() can't sum strings [use ''.join(seq) instead]");
  for (const item of iterate(value)) {
    run.step();
    total = binary('+', total, get(item), run);
  }
  return total;
}

function first(value: Value): Value {
  const next: IteratorResult<Value, unknown> = iterate(value)[Symbol.iterator]().next();
  return next.done === true ? new Undefined('No first item, sequence was empty.') : next.value;
}

function reversed(value: Value, run: Run): Value[] | undefined {
  if (value instanceof Undefined) return fail(`'Undefined' object is not reversible`);
  if (value instanceof Stream || sizeOf(value) === undefined) return undefined;
  const isSequence =
    isList(value) || textOf(value) !== undefined || value instanceof Tuple || value instanceof Range;
  return isSequence || value instanceof Dict || value instanceof View
    ? listOf(value, run).reverse()
    : undefined;
}

function last(value: Value, run: Run): Value {
  if (isList(value) && value.length > 0) return value.at(-1)!;
  if (value instanceof Undefined) return new Undefined('No last item, sequence was empty.');
  const [item] = reversed(value, run) ?? fail(`'${typeName(value)}' object is not reversible`);
  return item === undefined ? new Undefined('No last item, sequence was empty.') : item;
}

function reverse(value: Value, run: Run): Value {
  const text = textOf(value);
  if (text !== undefined) {
    run.pass(text);
    const back = characters(text).reverse().join('');
    return value instanceof Markup ? new Markup(back) : back;
  }
  if (value instanceof Undefined) return [];
  const items = reversed(value, run);
  if (items !== undefined) return new Stream(items, `${isList(value) ? 'list_' : ''}reverseiterator`);
  if (itemsOf(value) === undefined) fail('argument must be iterable');
  return listOf(value, run).reverse();
}

function* map(
  value: Value,
  args: readonly Value[],
  keywords: Keywords,
  run: Run,
  environment: Environment,
): Generator<Value> {
  if (!truth(value)) return;
  const [name, ...rest] = args;
  let change: (item: Value) => Value;
  if (name === undefined && keywords.has('attribute')) {
    for (const key of keywords.keys())
      if (key !== 'attribute' && key !== 'default') fail(`Unexpected keyword argument '${key}'`);
    change = attributeGetter(keywords.get('attribute'), run, keywords.get('default'));
  } else {
    if (name === undefined) fail('map requires a filter argument');
    const apply = environment.filters.get(str(name, run)) ?? fail(`No filter named '${str(name, run)}'.`);
    change = item => apply(item, rest, keywords, run, environment);
  }
  for (const item of iterate(value)) {
    run.step();
    yield change(item);
  }
}

/** `select`, `reject` and, where a part of each item is tested, `selectattr`, `rejectattr`. */
function selecting(wanted: boolean, ofAttribute: boolean): Filter {
  function* choose(
    value: Value,
    args: readonly Value[],
    keywords: Keywords,
    run: Run,
    environment: Environment,
  ): Generator<Value> {
    if (!truth(value)) return;
    const [path, ...others] = ofAttribute ? args : [undefined, ...args];
    if (ofAttribute && path === undefined) fail('Missing parameter for attribute name');
    const get = attributeGetter(path, run);
    const [name, ...rest] = others;
    const test = name === undefined ? undefined : environment.tests.get(str(name, run));
    if (name !== undefined && test === undefined && itemsOf(value) !== undefined && sizeOf(value) !== 0)
      fail(`No test named '${str(name, run)}'.`);
    for (const item of iterate(value)) {
      run.step();
      const part = get(item);
      const passes =
        test === undefined ? truth(part) : truth(test(part, rest as Value[], keywords, run, environment));
      if (passes === wanted) yield item;
    }
  }
  return (value, args, keywords, run, environment) =>
    new Stream(choose(value, args, keywords, run, environment));
}

function length(value: Value): Value {
  return sizeOf(value) ?? fail(`object of type '${typeName(value)}' has no len()`);
}

function* items(value: Value): Generator<Value> {
  if (value instanceof Undefined) return;
  if (!(value instanceof Dict)) return fail('Can only get item pairs from a mapping.');
  yield* new View(value, 'items');
}

/** Filters of lists and dicts. */
export const LIST_FILTERS: readonly (readonly [string, Filter])[] = [
  filter('attr', 'name', 1, (value, [name], run) => {
    const text = textOf(name!) ?? fail('attribute name must be string');
    const found = ownAttribute(value, text, run);
    return found === undefined
      ? new Undefined(`'${typeName(value)} object' has no attribute '${text}'`)
      : found;
  }),
  filter('batch', 'linecount fill_with', 1, (value, args, run) => new Stream(batch(value, args, run))),
  filter('count', '', 0, length),
  filter('dictsort', 'case_sensitive by reverse', 0, dictSort),
  filter('first', '', 0, first),
  filter('groupby', 'attribute default case_sensitive', 1, groupBy),
  filter('items', '', 0, value => new Stream(items(value))),
  filter('join', 'd attribute', 0, (value, [separator, attribute], run) => {
    const get = attributeGetter(attribute, run);
    const between = separator === undefined ? '' : str(separator, run);
    const parts: string[] = [];
    let size = 0;
    for (const item of iterate(value)) {
      run.step();
      const part = str(get(item), run);
      run.room((size += part.length + between.length));
      parts.push(part);
    }
    return parts.join(between);
  }),
  filter('last', '', 0, (value, _, run) => last(value, run)),
  filter('length', '', 0, length),
  filter('list', '', 0, (value, _, run) => listOf(value, run)),
  ['map', (...args) => new Stream(map(...args))],
  filter('max', 'case_sensitive attribute', 0, extreme(1)),
  filter('min', 'case_sensitive attribute', 0, extreme(-1)),
  filter('random', '', 0, (value, _, run) => {
    if (value instanceof Dict) fail('0');
    const all =
      value instanceof Stream ? fail("object of type 'generator' has no len()") : listOf(value, run);
    const item = all[Math.floor(Math.random() * all.length)];
    return item === undefined ? new Undefined('No random item, sequence was empty.') : item;
  }),
  ['reject', selecting(false, false)],
  ['rejectattr', selecting(false, true)],
  filter('reverse', '', 0, (value, _, run) => reverse(value, run)),
  ['select', selecting(true, false)],
  ['selectattr', selecting(true, true)],
  filter('slice', 'slices fill_with', 1, (value, args, run) => new Stream(slices(value, args, run))),
  filter(
    'sort',
    'reverse case_sensitive attribute',
    0,
    (value, [reverse = false, sensitive, attribute], run) => {
      const get = attributesGetter(attribute, run);
      const key = (item: Value): Value =>
        truth(sensitive ?? false) ? get(item) : get(item).map(withoutCase);
      return sort(listOf(value, run), key, needFlag(reverse), run);
    },
  ),
  filter('sum', 'attribute start', 0, sum),
  filter('unique', 'case_sensitive attribute', 0, (value, args, run) => new Stream(unique(value, args, run))),
];
