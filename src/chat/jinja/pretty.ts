import { TemplateError } from './errors.js';
import { repr } from './print.js';
import { compare, isList, typeName } from './python.js';
import type { Run } from './run.js';
import { Dict, Tuple, type Value } from './values.js';

const WIDTH = 80;

/**
 * `pprint.pformat(value)`: over several lines where one is too long; keys of dicts in order. Long texts are
 * not broken.
 */
export function pretty(value: Value, run: Run): string {
  return write(value, 0, 0, run);
}

/** @param column where the value begins. @param allowance characters behind it on its last line. */
function write(value: Value, column: number, allowance: number, run: Run): string {
  run.step();
  const line = repr(sorted(value, run), run);
  if (line.length <= WIDTH - column - allowance) return line;
  const entries =
    value instanceof Dict
      ? (() => {
          const pairs = inOrder(value, run).map(([key, item]) => [`${repr(key, run)}: `, item] as const);
          return ['{', pairs, '}'] as const;
        })()
      : isList(value)
        ? (['[', value.map(item => ['', item] as const), ']'] as const)
        : value instanceof Tuple
          ? ([
              '(',
              value.items.map(item => ['', item] as const),
              value.items.length === 1 ? ',)' : ')',
            ] as const)
          : undefined;
  if (entries === undefined) return line;
  const [open, items, close] = entries;
  const margin = ' '.repeat(column + 1);
  const parts = items.map(([key, item], i) => {
    const isLast = i === items.length - 1;
    return key + write(item, column + 1 + key.length, isLast ? allowance + close.length : 1, run);
  });
  return run.text(open + parts.join(`,\n${margin}`) + close);
}

/** Entries in order of their keys; keys that have no order, by the names of their types. */
function inOrder(dict: Dict, run: Run): (readonly [Value, Value])[] {
  return [...dict.entries()].sort(([a], [b]) => {
    try {
      return compare(a, b, '<', run);
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      return typeName(a) < typeName(b) ? -1 : typeName(a) > typeName(b) ? 1 : 0;
    }
  });
}

function sorted(value: Value, run: Run): Value {
  if (value instanceof Dict)
    return new Dict(inOrder(value, run).map(([key, item]) => [key, sorted(item, run)] as const));
  if (isList(value)) return value.map(item => sorted(item, run));
  if (value instanceof Tuple) return new Tuple(value.items.map(item => sorted(item, run)));
  return value;
}
