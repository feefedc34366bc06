import type { GgufFile } from '../reader.js';

/** Keys of an architecture that change nothing that is computed here, or say what tensors say. */
const HARMLESS: ReadonlySet<string> = new Set([
  'vocab_size',
  'tensor_data_layout',
  // How the model was made, and what it was stretched for, not what it is.
  'rope.scaling.finetuned',
  'dense_2_feat_out',
  'use_parallel_residual',
]);

/**
 * The keys `ARCHITECTURE.*` of a file, and its tensors: read key by key, so that those that nobody has asked for are
 * known.
 */
export class Fields {
  readonly file: GgufFile;
  readonly architecture: string;
  /** Contents of tensors that are settings, such as factors of rotary positions, by their names. */
  readonly #vectors: ReadonlyMap<string, readonly number[]>;
  readonly #read = new Set<string>();

  constructor(file: GgufFile, architecture: string, vectors: ReadonlyMap<string, readonly number[]>) {
    this.file = file;
    this.architecture = architecture;
    this.#vectors = vectors;
  }

  has(name: string): boolean {
    return this.file.metadata.has(this.#key(name));
  }

  /** A positive integer; a list of equal ones, which some files have by layers, counts as one. */
  size(name: string, fallback?: number): number {
    const key = this.#key(name);
    const { metadata } = this.file;
    if (typeof metadata.get(key) !== 'object') return this.#positive(key, metadata.count(key, fallback));
    const [first, ...others] = metadata.numbers(key);
    if (first === undefined || others.some(other => other !== first))
      throw metadata.unsupported(`${key} differs from layer to layer, which is not read`);
    return this.#positive(key, first);
  }

  number(name: string, fallback?: number): number {
    return exact(this.file.metadata.number(this.#key(name), fallback));
  }

  flag(name: string, fallback?: boolean): boolean {
    return this.file.metadata.flag(this.#key(name), fallback);
  }

  string(name: string, fallback?: string): string {
    return this.file.metadata.string(this.#key(name), fallback);
  }

  flags(name: string): readonly boolean[] {
    return this.file.metadata.flags(this.#key(name));
  }

  /** Refuses another value than the one that is written. */
  requireValue(name: string, expected: number | boolean | string): void {
    const key = this.#key(name);
    const value = this.file.metadata.get(key);
    if (value !== undefined && value !== expected)
      throw this.file.metadata.unsupported(`${key} is ${String(value)}; only ${expected} is read`);
  }

  /** The numbers of a tensor that is a setting; undefined where there is none. */
  vector(name: string): readonly number[] | undefined {
    return this.#vectors.get(name)?.map(exact);
  }

  hasTensor(name: string): boolean {
    return this.file.tensors.has(name);
  }

  /** A tensor's shape. @throws KvasirError `invalid_model` where there is none */
  shape(name: string): readonly number[] {
    const tensor = this.file.tensors.get(name);
    if (tensor === undefined) throw this.file.metadata.invalid(`there is no tensor '${name}'`);
    return tensor.shape;
  }

  /** @throws KvasirError `unsupported_model`, naming keys of the architecture that nobody has read */
  refuseUnread(): void {
    const unread = [...this.file.metadata.keys()].filter(
      key =>
        key.startsWith(`${this.architecture}.`) &&
        !this.#read.has(key) &&
        !HARMLESS.has(key.slice(this.architecture.length + 1)),
    );
    if (unread.length > 0)
      throw this.file.metadata.unsupported(
        `it has settings of '${this.architecture}' that are not read, and may change results: ${unread.join(', ')}`,
      );
  }

  #key(name: string): string {
    const key = `${this.architecture}.${name}`;
    this.#read.add(key);
    return key;
  }

  #positive(key: string, value: number): number {
    if (Number.isSafeInteger(value) && value > 0) return value;
    throw this.file.metadata.invalid(`${key} is ${value}, expected a positive integer`);
  }
}

/** The shortest decimal number that is the same in single precision: 1e-5 for what a file says is 9.99999974e-6. */
function exact(value: number): number {
  for (let digits = 1; digits < 10; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}
