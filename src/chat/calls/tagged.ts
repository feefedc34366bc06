import type { FunctionTool } from '../tools.js';
import type { CallBody, Reading } from './bodies.js';
import { jsonObject, jsonOf, readLiteral } from './literal.js';

/**
 * How a call is written with tags: `open NAME named (parameter KEY keyed VALUE ended)* close`, with white space
 * between them. `open` and `named` may be empty.
 */
export interface TagNotation {
  readonly open: string;
  readonly named: string;
  readonly parameter: string;
  readonly keyed: string;
  readonly ended: string;
  readonly close: string;
}

/** Qwen3-Coder's. */
export const QWEN_TAGS: TagNotation = {
  open: '<function=',
  named: '>',
  parameter: '<parameter=',
  keyed: '>',
  ended: '</parameter>',
  close: '</function>',
};

const MAX_NAME = 256;

/** Reads a call that is written with tags, whose values are texts: their types are those of the schema. */
export class TaggedBody implements CallBody {
  readonly #tags: TagNotation;
  readonly #tools: readonly FunctionTool[];
  #at = 0;
  #name: string | undefined;
  #key: string | undefined;
  /** Where the end of the current value is looked for. */
  #search = 0;
  readonly #values: (readonly [key: string, text: string])[] = [];

  constructor(tags: TagNotation, tools: readonly FunctionTool[]) {
    this.#tags = tags;
    this.#tools = tools;
  }

  read(text: string): Reading {
    const { open, named, parameter, keyed, close } = this.#tags;
    for (;;) {
      if (this.#key !== undefined) {
        if (!this.#value(text, this.#key)) return 'open';
        continue;
      }
      this.#at = skipSpace(text, this.#at);
      if (this.#name === undefined) {
        const name = this.#between(text, open, named);
        if (typeof name === 'object') this.#name = name.word;
        else return name;
        continue;
      }
      const key = this.#between(text, parameter, keyed);
      if (typeof key === 'object') {
        this.#key = key.word;
        this.#search = this.#at;
        continue;
      }
      if (text.startsWith(close, this.#at)) {
        const call = { name: this.#name, arguments: this.#arguments(this.#name) };
        return { end: this.#at + close.length, call };
      }
      return key === 'open' || close.startsWith(text.slice(this.#at)) ? 'open' : 'none';
    }
  }

  /** A name between two tags, on one line. */
  #between(text: string, before: string, after: string): 'open' | 'none' | { readonly word: string } {
    if (!text.startsWith(before, this.#at))
      return text.length - this.#at < before.length && before.startsWith(text.slice(this.#at))
        ? 'open'
        : 'none';
    const from = this.#at + before.length;
    if (after === '') {
      const word = /^[^\s<>{}]*/.exec(text.slice(from, from + MAX_NAME + 1))![0];
      if (from + word.length === text.length) return word.length > MAX_NAME ? 'none' : 'open';
      if (word === '' || word.length > MAX_NAME) return 'none';
      this.#at = from + word.length;
      return { word };
    }
    const end = text.indexOf(after, from);
    const word = text.slice(from, end < 0 ? undefined : end).trim();
    if (word.length > MAX_NAME || /[\s<>{}]/.test(end < 0 ? word.split(after[0]!)[0]! : word)) return 'none';
    if (end < 0) return 'open';
    if (word === '') return 'none';
    this.#at = end + after.length;
    return { word };
  }

  /**
   * A value ends where its end tag comes and another parameter or the end of the call follows: the tag may
   * stand in the value as well.
   *
   * @returns whether its end was found.
   */
  #value(text: string, key: string): boolean {
    const { ended, parameter, close } = this.#tags;
    for (;;) {
      const end = text.indexOf(ended, this.#search);
      if (end < 0) {
        this.#search = Math.max(this.#search, text.length - ended.length);
        return false;
      }
      const next = skipSpace(text, end + ended.length);
      if ([parameter, close].some(tag => text.startsWith(tag, next))) {
        this.#values.push([key, text.slice(this.#at, end)]);
        this.#at = end + ended.length;
        this.#key = undefined;
        return true;
      }
      const rest = text.slice(next, next + Math.max(parameter.length, close.length));
      if ([parameter, close].some(tag => tag.startsWith(rest))) return false;
      this.#search = end + ended.length;
    }
  }

  #arguments(name: string): string {
    const tool = this.#tools.find(({ function: { name: own } }) => own === name);
    const parameters = tool?.function.parameters ?? {};
    return jsonObject(this.#values.map(([key, text]) => [key, typed(text, key, parameters)]));
  }
}

/**
 * The JSON of a value that was written as text.
 *
 * @param parameters the schema of the arguments: where it wants text, all of it is text.
 */
function typed(text: string, key: string, parameters: Readonly<Record<string, unknown>>): string {
  // Line breaks beside the tags are layout.
  const value = text.replace(/^\n|\n$/g, '');
  const types = typesOf(parameters, key);
  if (types !== undefined && types.every(type => type === 'string')) return JSON.stringify(value);
  const trimmed = value.trim();
  const literal = readLiteral(trimmed);
  const isWhole = literal?.end === trimmed.length && literal.type !== 'call';
  if (!isWhole || (types?.includes('string') && literal.type === 'string')) return JSON.stringify(value);
  const json = jsonOf(literal, trimmed);
  const fits = types === undefined || !types.includes('string') || types.includes(typeOf(json));
  return fits ? json : JSON.stringify(value);
}

/** The types that a schema gives a property; undefined where it does not tell. */
function typesOf(parameters: Readonly<Record<string, unknown>>, key: string): string[] | undefined {
  const { properties } = parameters;
  if (typeof properties !== 'object' || properties === null || !Object.hasOwn(properties, key))
    return undefined;
  return typesOfSchema((properties as Record<string, unknown>)[key]);
}

function typesOfSchema(schema: unknown): string[] | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined;
  const { type, enum: values, const: value, anyOf, oneOf } = schema as Record<string, unknown>;
  if (typeof type === 'string') return [type];
  if (Array.isArray(type)) return type.filter(name => typeof name === 'string');
  if (value !== undefined) return [typeOf(JSON.stringify(value))];
  if (Array.isArray(values)) return values.map(each => typeOf(JSON.stringify(each)));
  const options = anyOf ?? oneOf;
  if (!Array.isArray(options)) return undefined;
  const types = options.map(typesOfSchema);
  return types.every(each => each !== undefined) ? types.flat() : undefined;
}

/** The name that JSON Schema has for the type of a JSON text. */
function typeOf(json: string): string {
  switch (json[0]) {
    case '{':
      return 'object';
    case '[':
      return 'array';
    case '"':
      return 'string';
    case 'n':
      return 'null';
    case 't':
    case 'f':
      return 'boolean';
    case undefined:
    default:
      return /^-?\d+$/.test(json) ? 'integer' : 'number';
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return at;
}
