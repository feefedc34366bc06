import { fail } from './errors.js';
import { isNumber, toIndex, toNumber } from './numbers.js';
import { textOf, typeName } from './python.js';
import type { Keywords, Value } from './values.js';

/**
 * Puts arguments in the order of their parameters.
 *
 * @param what the function's name, for failures.
 * @param required the first parameters, which must be given.
 * @returns undefined for parameters that are not given.
 * @throws TemplateError
 */
export function bind(
  what: string,
  names: readonly string[],
  required: number,
  args: readonly Value[],
  keywords: Keywords,
): (Value | undefined)[] {
  if (args.length > names.length)
    fail(`${what}() takes at most ${names.length} arguments (${args.length} given)`);
  const bound: (Value | undefined)[] = [...args];
  for (const [name, value] of keywords) {
    const index = names.indexOf(name);
    if (index < 0) fail(`${what}() got an unexpected keyword argument '${name}'`);
    if (bound[index] !== undefined) fail(`${what}() got multiple values for argument '${name}'`);
    bound[index] = value;
  }
  for (let i = 0; i < required; i++)
    if (bound[i] === undefined) fail(`${what}() missing a required argument: '${names[i]!}'`);
  return bound;
}

/** A str. @throws TemplateError for all else */
export function needText(value: Value, what: string): string {
  return textOf(value) ?? fail(`${what} must be str, not ${typeName(value)}`);
}

/** An int or a bool, within the safe integers. @throws TemplateError for all else */
export function needIndex(value: Value): number {
  return toIndex(value) ?? fail(`'${typeName(value)}' object cannot be interpreted as an integer`);
}

/** An int or a bool as C has it. @throws TemplateError for all else */
export function needFlag(value: Value): boolean {
  const flag = needIndex(value);
  if (Math.abs(flag) >= 2 ** 31) fail('Python int too large to convert to C int');
  return flag !== 0;
}

/** A number. @throws TemplateError for all else */
export function needNumber(value: Value): number {
  return isNumber(value) ? toNumber(value) : fail(`must be real number, not ${typeName(value)}`);
}
