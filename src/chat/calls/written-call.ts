import { jsonObject, jsonOf, readLiteral, type Literal } from './literal.js';

/** A call of a function as a model wrote it. */
export interface WrittenCall {
  readonly name: string;
  /** A JSON object, as text. */
  readonly arguments: string;
}

/** Longest name of a function. */
const MAX_NAME = 128;

/**
 * Whether a call would be taken as a part of a later conversation: requests have a limit for names, and must
 * not have keys that change prototypes.
 */
export function isSendable({ name, arguments: json }: WrittenCall): boolean {
  if (name.length > MAX_NAME) return false;
  let sendable = true;
  if (/proto/i.test(json) || json.includes('\\u'))
    JSON.parse(json, function (this: object, key, value: unknown) {
      if (
        key === '__proto__' ||
        (key === 'constructor' && Object.hasOwn(Object(value) as object, 'prototype'))
      )
        sendable = false;
      return value;
    });
  return sendable;
}

/** Keys that models use for the function's name, and for its arguments. */
const NAMES = ['name', 'tool_name', 'function'];
const ARGUMENTS = ['arguments', 'parameters'];

/** How deep JSON within a text within JSON is looked for. */
const NESTED = 3;

/**
 * The call that an object or a call in Python's form stands for: `{"name": ..., "arguments": ...}`, the same
 * under a key `function`, or `name(key=value)`.
 *
 * @param text what it was read from.
 * @param named whether a name without arguments is a call.
 * @returns undefined where it is none, or where the arguments are no object.
 */
export function callOf(literal: Literal, text: string, named = true): WrittenCall | undefined {
  if (literal.type === 'call') return { name: literal.name, arguments: objectOf(literal, text) };
  if (literal.type !== 'map') return undefined;
  const inner = memberOf(literal, ['function']);
  if (inner?.type === 'map') return callOf(inner, text, named);
  const name = memberOf(literal, NAMES);
  if (name?.type !== 'string' || name.value.trim() === '') return undefined;
  const written = memberOf(literal, ARGUMENTS);
  if (written === undefined && !named) return undefined;
  const json = argumentsOf(written, text);
  return json === undefined ? undefined : { name: name.value.trim(), arguments: json };
}

/** The keyword arguments of a call in Python's form. */
function objectOf(literal: Literal & { readonly type: 'call' }, text: string): string {
  return jsonObject(literal.members.map(([key, value]) => [key, jsonOf(value, text)]));
}

/**
 * Arguments as a JSON object: text that holds an object is unwrapped, null and no text stand for none.
 *
 * @returns undefined where they cannot be an object.
 */
export function argumentsOf(literal: Literal | undefined, text: string, nested = NESTED): string | undefined {
  if (literal === undefined || (literal.type === 'scalar' && literal.json === 'null')) return '{}';
  if (literal.type === 'map') return jsonOf(literal, text);
  if (literal.type !== 'string') return undefined;
  if (literal.value.trim() === '') return '{}';
  const inner = nested > 0 ? readLiteral(literal.value) : undefined;
  if (inner === undefined || literal.value.slice(inner.end).trim() !== '') return undefined;
  return argumentsOf(inner, literal.value, nested - 1);
}

function memberOf(
  { members }: Literal & { readonly type: 'map' },
  keys: readonly string[],
): Literal | undefined {
  return members.find(([key]) => keys.includes(key))?.[1];
}
