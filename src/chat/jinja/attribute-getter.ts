import { item } from './access.js';
import { textOf } from './python.js';
import type { Run } from './run.js';
import { Undefined, type Value } from './values.js';

/**
 * What filters take of items: nothing but the item itself, or a part of it such as `function.name` or `0`.
 *
 * @param path of an attribute; undefined and none: the item.
 * @param otherwise for a part that is not there; undefined and none: that it is undefined.
 */
export function attributeGetter(
  path: Value | undefined,
  run: Run,
  otherwise?: Value,
): (value: Value) => Value {
  if (path === undefined || path === null) return value => value;
  const parts = partsOf(path);
  return value => {
    let result = value;
    for (const part of parts) {
      run.step();
      result = item(result, part, run);
      if (result instanceof Undefined && otherwise !== undefined && otherwise !== null) result = otherwise;
    }
    return result;
  };
}

function partsOf(path: Value): Value[] {
  const text = textOf(path);
  if (text === undefined) return [path];
  return text.split('.').map(part => (/^\d+$/.test(part) ? Number(part) : part));
}

/** As {@link attributeGetter}, for several paths with commas between: a list of what they lead to. */
export function attributesGetter(path: Value | undefined, run: Run): (value: Value) => Value[] {
  const text = path === undefined ? undefined : textOf(path);
  const getters = (text === undefined ? [path] : text.split(',')).map(part => attributeGetter(part, run));
  return value => getters.map(get => get(value));
}

/** A text in lower case, all else as it is: what is compared where case does not count. */
export function withoutCase(value: Value): Value {
  const text = textOf(value);
  return text === undefined ? value : text.toLowerCase();
}
