import path from 'node:path';
import { KvasirError } from '#errors.js';
import { readJsonObject } from '#files.js';

/**
 * Bounds of sizes, beyond all models that exist. Within them a graph is composed in no time, whether or not
 * there are weights that fit.
 */
export const MOST = {
  elements: 2 ** 31 - 1,
  layers: 2 ** 12,
  /** Features of a hidden state. */
  width: 2 ** 20,
  /** Positions, for which tables must fit into memory. */
  context: 2 ** 24,
  labels: 2 ** 20,
};

/**
 * A model folder's `config.json`, read field by field: each has a type, a range, and an error that names it.
 */
export class ModelConfig {
  readonly #file: string;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #asked: Set<string>;
  readonly #warnings: Set<string>;

  /** @param file what errors call it. */
  constructor(
    file: string,
    fields: Readonly<Record<string, unknown>>,
    asked = new Set<string>(),
    warnings = new Set<string>(),
  ) {
    this.#file = file;
    this.#fields = fields;
    this.#asked = asked;
    this.#warnings = warnings;
  }

  /** @throws KvasirError `invalid_model` where the file is missing or is no JSON object */
  static async read(folder: string, name = 'config.json'): Promise<ModelConfig> {
    const file = path.join(folder, name);
    return new ModelConfig(file, await readJsonObject(file));
  }

  /** The same, with other values for fields that are absent. */
  withDefaults(defaults: Readonly<Record<string, unknown>>): ModelConfig {
    const own = Object.entries(this.#fields).filter(([, value]) => value !== undefined && value !== null);
    return this.#with({ ...defaults, ...Object.fromEntries(own) });
  }

  /** The same, with values for fields that are not named at all; null stays what it is. */
  completedBy(defaults: Readonly<Record<string, unknown>>): ModelConfig {
    return this.#with({ ...defaults, ...this.#fields });
  }

  /** What errors call it. */
  get file(): string {
    return this.#file;
  }

  /** `model_type`: which architecture the weights are of. */
  get modelType(): string {
    return this.string('model_type');
  }

  /** True if a field is there; null counts as absent, as in Hugging Face's own readers. */
  has(name: string): boolean {
    const value = this.#value(name);
    return value !== undefined && value !== null;
  }

  /** Names of the fields that nobody has asked for so far, but those that are null. */
  get unasked(): readonly string[] {
    return this.names.filter(name => !this.#asked.has(name) && this.#fields[name] !== null);
  }

  /** Names of all fields. */
  get names(): readonly string[] {
    return Object.keys(this.#fields);
  }

  /** Says in a sentence what may make results other than those that were meant. */
  warn(warning: string): void {
    this.#warnings.add(`${this.#file}: ${warning}`);
  }

  /** All that was said by {@link warn}, here and in sections. */
  get warnings(): readonly string[] {
    return [...this.#warnings];
  }

  /** A field as it stands, for those of several types. */
  value(name: string): unknown {
    return this.#value(name);
  }

  /** A positive integer of at most `most`. */
  size(name: string, fallback?: number, most: number = MOST.elements): number {
    return this.#read(
      name,
      fallback,
      value => Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= most,
      `a positive integer of at most ${most}`,
    );
  }

  /** An integer of at least 0. */
  count(name: string, fallback?: number): number {
    return this.#read(
      name,
      fallback,
      value => Number.isSafeInteger(value) && (value as number) >= 0,
      'an integer of at least 0',
    );
  }

  /** A positive number. */
  positive(name: string, fallback?: number): number {
    return this.#read(
      name,
      fallback,
      value => Number.isFinite(value) && (value as number) > 0,
      'a positive number',
    );
  }

  /** Any number. */
  finite(name: string, fallback?: number): number {
    return this.#read(name, fallback, value => Number.isFinite(value), 'a number');
  }

  flag(name: string, fallback?: boolean): boolean {
    return this.#read(name, fallback, value => typeof value === 'boolean', 'true or false');
  }

  string(name: string, fallback?: string): string {
    return this.#read(name, fallback, value => typeof value === 'string', 'a string');
  }

  /** A string, or a number or a truth value as Python writes it. */
  word(name: string): string {
    const value = this.#value(name);
    if (typeof value === 'boolean') return value ? 'True' : 'False';
    return typeof value === 'number' ? String(value) : this.string(name);
  }

  strings(name: string, fallback?: readonly string[]): readonly string[] {
    return this.#read(name, fallback, isListOf('string'), 'a list of strings');
  }

  /** A string, or a list of them. */
  wordOrWords(name: string): readonly string[] {
    return Array.isArray(this.#value(name)) ? this.strings(name) : [this.string(name)];
  }

  numbers(name: string, fallback?: readonly number[]): readonly number[] {
    return this.#read(name, fallback, isListOf('number'), 'a list of numbers');
  }

  /** A field that is an object, with errors that name it as `name.field`; undefined where it is absent. */
  section(name: string): ModelConfig | undefined {
    if (!this.has(name)) return undefined;
    const fields = this.#read<Record<string, unknown>>(name, undefined, isObject, 'an object');
    return new ModelConfig(`${this.#file}: ${name}`, fields, undefined, this.#warnings);
  }

  /** A field that is a list of objects; empty where it is absent. */
  sections(name: string): readonly ModelConfig[] {
    const list = this.#read<readonly Record<string, unknown>[]>(
      name,
      [],
      value => Array.isArray(value) && value.every(isObject),
      'a list of objects',
    );
    return list.map((fields, i) => new ModelConfig(`${this.#file}: ${name}[${i}]`, fields));
  }

  /** One of several words; any other is a model that Kvasir cannot build, named in the error. */
  choice<T extends string>(name: string, choices: readonly T[], fallback?: T): T {
    const value = this.string(name, fallback);
    const found = choices.find(choice => choice === value);
    if (found === undefined) this.unsupported(`${name} is '${value}'; known: ${choices.join(', ')}`);
    return found;
  }

  /** @throws KvasirError `invalid_model`, naming the file */
  invalid(fault: string): never {
    throw new KvasirError('invalid_model', `${this.#file}: ${fault}`);
  }

  /** @throws KvasirError `unsupported_model`, naming the file */
  unsupported(fault: string): never {
    throw new KvasirError('unsupported_model', `${this.#file}: ${fault}`);
  }

  /** The same file with other fields: who asks here asks there. */
  #with(fields: Readonly<Record<string, unknown>>): ModelConfig {
    return new ModelConfig(this.#file, fields, this.#asked, this.#warnings);
  }

  #value(name: string): unknown {
    this.#asked.add(name);
    return this.#fields[name];
  }

  #read<T>(name: string, fallback: T | undefined, fits: (value: unknown) => boolean, expected: string): T {
    const value = this.has(name) ? this.#value(name) : fallback;
    if (value === undefined) return this.invalid(`${name} is missing`);
    if (!fits(value)) return this.invalid(`${name} is ${JSON.stringify(value)}, expected ${expected}`);
    return value as T;
  }
}

function isListOf(type: 'string' | 'number'): (value: unknown) => boolean {
  return value => Array.isArray(value) && value.every(element => typeof element === type);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
