import { attribute, item } from './access.js';
import { fail } from './errors.js';
import { formatValue } from './format-spec.js';
import { repr, str } from './print.js';
import type { Run } from './run.js';
import type { Value } from './values.js';

/** Deepest fields within format specifications. */
const DEEPEST = 3;

/**
 * `str.format`.
 *
 * @param named finds arguments by name; undefined where there is none.
 * @throws TemplateError
 */
export function format(
  template: string,
  args: readonly Value[],
  named: (name: string) => Value | undefined,
  run: Run,
): string {
  let automatic: number | 'manual' = 0;
  const find = (name: string): Value => {
    let key = name;
    if (name === '' || /^\d+$/.test(name)) {
      if ((name === '') === (automatic === 'manual') && automatic !== 0)
        fail('cannot switch between automatic field numbering and manual field specification');
      if (name === '') {
        key = String(automatic);
        automatic = (automatic as number) + 1;
      } else automatic = 'manual';
    }
    const value = /^\d+$/.test(key) ? args[Number(key)] : named(key);
    return value === undefined ? fail(`Replacement '${key}' is not given`) : value;
  };
  const expand = (text: string, depth: number): string => {
    if (depth > DEEPEST) fail('Max string recursion exceeded');
    let result = '';
    for (let at = 0; at < text.length;) {
      const next = text.slice(at).search(/[{}]/);
      if (next < 0) return run.text(result + text.slice(at));
      result += text.slice(at, at + next);
      at += next;
      if (text[at] === text[at + 1]) {
        result += text[at]!;
        at += 2;
        continue;
      }
      if (text[at] === '}') fail("Single '}' encountered in format string");
      const end = endOfField(text, at);
      const field = text.slice(at + 1, end);
      const [, path = '', conversion, spec = ''] =
        /^([^!:[]*(?:\[[^\]]*\][^!:[]*)*)(?:!([^:]*))?(?::([^]*))?$/.exec(field) ??
        fail('expected ":" after conversion specifier');
      let value = resolve(path, find, run);
      if (conversion === 'r' || conversion === 'a') value = repr(value, run);
      else if (conversion === 's') value = str(value, run);
      else if (conversion !== undefined) fail(`Unknown conversion specifier ${conversion}`);
      run.step();
      result = run.text(result + formatValue(value, expand(spec, depth + 1), run));
      at = end + 1;
    }
    return result;
  };
  return expand(template, 1);
}

function endOfField(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return i;
  }
  return fail(
    start + 1 === text.length
      ? "Single '{' encountered in format string"
      : "expected '}' before end of string",
  );
}

/** `name.attribute[item]`. */
function resolve(path: string, find: (name: string) => Value, run: Run): Value {
  const [, first = '', rest = ''] = /^([^.[]*)([^]*)$/.exec(path)!;
  let value = find(first);
  const step = /\.([^.[]+)|\[([^\]]+)\]/y;
  for (let at = 0; at < rest.length; at = step.lastIndex) {
    step.lastIndex = at;
    const match = step.exec(rest) ?? fail('Empty attribute in format string');
    const [, name, key] = match;
    value =
      name !== undefined
        ? attribute(value, name, run)
        : item(value, /^\d+$/.test(key!) ? Number(key) : key!, run);
    step.lastIndex = at + match[0].length;
  }
  return value;
}
