import { bind, needText } from './arguments.js';
import { fail } from './errors.js';
import { escapeHtml } from './html.js';
import {
  DICT_METHODS,
  LIST_METHODS,
  MUTATING,
  NUMBER_ATTRIBUTES,
  RANGE_METHODS,
  TUPLE_METHODS,
} from './collection-methods.js';
import { toIndex, isNumber } from './numbers.js';
import { quote } from './print.js';
import { isList, iterate, textOf, typeName } from './python.js';
import type { Run } from './run.js';
import { itemAt, slice } from './sequences.js';
import { formatText, TEXT_METHODS, type Method } from './text-methods.js';
import {
  Dict,
  Func,
  isHashable,
  Markup,
  NO_KEYWORDS,
  Range,
  Slice,
  Thing,
  Tuple,
  Undefined,
  View,
  type Keywords,
  type Value,
} from './values.js';

/** `object.name`: the attribute, or else the item of that name. @throws TemplateError for something undefined */
export function attribute(object: Value, name: string, run: Run): Value {
  if (object instanceof Dict && !DICT_METHODS.has(name) && !MUTATING.dict.has(name) && !name.startsWith('__'))
    return orMissing(object.get(name), object, name);
  const found = ownAttribute(object, name, run);
  if (found !== undefined) return found;
  return orMissing(object instanceof Dict ? object.get(name) : undefined, object, name);
}

/**
 * `object[index]`: the item, or else the attribute of that name.
 *
 * @throws TemplateError for something undefined, and for a slice of what has none
 */
export function item(object: Value, index: Value, run: Run): Value {
  if (object instanceof Undefined) return fail(object.message);
  if (index instanceof Slice)
    return slice(object, index, run) ?? fail(`'${typeName(object)}' object is not subscriptable`);
  if (object instanceof Dict) {
    const found = isHashable(index) ? object.get(index) : undefined;
    if (found !== undefined) return found;
  } else {
    const at = toIndex(index);
    const found = at === undefined ? undefined : itemAt(object, at);
    if (found !== undefined) return found;
  }
  const name = textOf(index);
  return orMissing(name === undefined ? undefined : ownAttribute(object, name, run), object, index);
}

/** An attribute that is no item. @returns undefined where there is none. */
export function ownAttribute(object: Value, name: string, run: Run): Value | undefined {
  if (object instanceof Undefined && name !== '__class__') return fail(object.message);
  if (name.startsWith('__') && name.endsWith('__')) return unsafe(object, name);
  if (name.startsWith('_')) return undefined;
  if (object instanceof Thing) return object.attribute(name, run);
  const text = textOf(object);
  if (text !== undefined) {
    const isHtml = object instanceof Markup;
    if (name === 'format' || name === 'format_map' || TEXT_METHODS.has(name))
      return new Func(name, (run, args, keywords) => callTextMethod(text, isHtml, name, run, args, keywords));
    return undefined;
  }
  if (object instanceof Dict) return methodOf(object, DICT_METHODS, MUTATING.dict, name);
  if (isList(object)) return methodOf(object, LIST_METHODS, MUTATING.list, name);
  if (object instanceof Tuple) {
    const index = object.names.indexOf(name);
    return index >= 0 ? object.items[index]! : methodOf(object, TUPLE_METHODS, undefined, name);
  }
  if (object instanceof Range) {
    if (name === 'start' || name === 'stop' || name === 'step') return object[name];
    return methodOf(object, RANGE_METHODS, undefined, name);
  }
  if (object instanceof View && name === 'mapping') return object.dict;
  if (isNumber(object)) return NUMBER_ATTRIBUTES[name]?.(object);
  return undefined;
}

function methodOf<Self extends Value>(
  object: Self,
  methods: ReadonlyMap<string, Method<Self>>,
  mutating: ReadonlySet<string> | undefined,
  name: string,
): Value | undefined {
  if (mutating?.has(name)) return unsafe(object, name);
  const method = methods.get(name);
  return (
    method && new Func(name, (run, args, keywords) => callMethod(method, object, name, run, args, keywords))
  );
}

function callMethod<Self>(
  method: Method<Self>,
  self: Self,
  name: string,
  run: Run,
  args: readonly Value[],
  keywords: Keywords,
): Value {
  if (keywords.size > 0 && method.named !== true) fail(`${name}() takes no keyword arguments`);
  return method.apply(self, bind(name, method.parameters, method.required, args, keywords), run);
}

function callTextMethod(
  text: string,
  isHtml: boolean,
  name: string,
  run: Run,
  args: readonly Value[],
  keywords: Keywords,
): Value {
  run.pass(text);
  let result: Value;
  if (name === 'format') result = formatText(text, args, keywords, run);
  else if (name === 'format_map') {
    const [mapping] = bind(name, ['mapping'], 1, args, keywords);
    if (!(mapping instanceof Dict)) fail(`'${typeName(mapping!)}' object is not subscriptable`);
    const named = new Map(
      [...mapping.entries()].map(([key, value]) => [needText(key, 'key'), value] as const),
    );
    result = formatText(text, [], named, run);
  } else {
    const escaped = isHtml && name === 'join' ? args.map(arg => escapeItems(arg, run)) : args;
    result = callMethod(TEXT_METHODS.get(name)!, text, name, run, escaped, keywords);
  }
  return isHtml ? asHtml(result) : result;
}

function escapeItems(value: Value, run: Run): Value {
  return Array.from(iterate(value), item => escapeHtml(item, run));
}

function asHtml(value: Value): Value {
  if (typeof value === 'string') return new Markup(value);
  if (isList(value)) return value.map(asHtml);
  return value instanceof Tuple ? new Tuple(value.items.map(asHtml)) : value;
}

/** `object.name(arguments)`. Methods of texts and dicts need no object in between. */
export function callAttribute(
  object: Value,
  name: string,
  run: Run,
  args: readonly Value[],
  keywords: Keywords,
): Value {
  run.step();
  if (typeof object === 'string') {
    run.pass(object);
    const method = TEXT_METHODS.get(name);
    if (method !== undefined) {
      const result = callMethod(method, object, name, run, args, keywords);
      return typeof result === 'string' ? run.text(result) : result;
    }
  } else if (object instanceof Dict) {
    const method = DICT_METHODS.get(name);
    if (method !== undefined) return callMethod(method, object, name, run, args, keywords);
  }
  return call(attribute(object, name, run), run, args, keywords);
}

/** `callee(arguments)`. @throws TemplateError */
export function call(
  callee: Value,
  run: Run,
  args: readonly Value[] = [],
  keywords: Keywords = NO_KEYWORDS,
): Value {
  run.step();
  if (callee instanceof Undefined) return fail(callee.message);
  if (callee instanceof Thing && callee.call !== undefined) {
    const result = callee.call(run, args, keywords);
    return typeof result === 'string' ? run.text(result) : result;
  }
  return fail(`'${typeName(callee)}' object is not callable`);
}

function orMissing(found: Value | undefined, object: Value, name: Value): Value {
  if (found !== undefined) return found;
  return new Undefined(() => {
    const type = object === null ? 'None' : `${typeName(object)} object`;
    return typeof name === 'string'
      ? `'${type}' has no attribute ${quote(name)}`
      : `${type} has no element ${typeof name === 'number' ? name : typeName(name)}`;
  });
}

function unsafe(object: Value, name: string): Undefined {
  return new Undefined(`access to attribute ${quote(name)} of '${typeName(object)}' object is unsafe.`);
}
