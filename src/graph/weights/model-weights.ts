import type { Checkpoint, Weight } from './checkpoint.js';
import { matrix, type Matrix } from './matrix.js';

/** A vector that is read when it is written. */
export interface Vector {
  readonly size: number;
  load(): Promise<Float32Array>;
}

/** Elements `[begin, end)`. */
export function sliceVector(source: Vector, begin: number, end: number): Vector {
  return { size: end - begin, load: async () => (await source.load()).subarray(begin, end) };
}

/** Scale and shift of a layer norm; some models have no shift. */
export interface NormWeights {
  readonly weight: Weight;
  readonly bias: Weight | undefined;
  readonly epsilon: number;
}

/**
 * Weights of a model's body, which has a prefix in a checkpoint with a head, and mostly none in one without, or only
 * its last part.
 *
 * @param probe name of a weight that every body has.
 */
export function bodyOf(weights: ModelWeights, prefix: string, probe: string): ModelWeights {
  const parts = prefix.split('.');
  const prefixes = parts.map((_, i) => parts.slice(i).join('.'));
  const found = prefixes.find(name => weights.has(`${name}.${probe}`));
  return found === undefined ? weights : weights.within(found);
}

/**
 * Weights of a checkpoint whose names begin alike. All methods throw KvasirError `invalid_model` where a
 * weight is missing or wrong.
 */
export class ModelWeights {
  readonly #checkpoint: Checkpoint;
  readonly #prefix: string;
  readonly #storedName: (name: string) => string;

  constructor(checkpoint: Checkpoint, prefix = '', storedName = (name: string): string => name) {
    this.#checkpoint = checkpoint;
    this.#prefix = prefix;
    this.#storedName = storedName;
  }

  /** Those below a name. */
  within(name: string): ModelWeights {
    return new ModelWeights(this.#checkpoint, `${this.#prefix}${name}.`, this.#storedName);
  }

  /** The same by other names: given the whole name that is asked for, what it is called here. */
  renamed(storedName: (name: string) => string): ModelWeights {
    return new ModelWeights(this.#checkpoint, this.#prefix, name => this.#storedName(storedName(name)));
  }

  has(name: string): boolean {
    return this.#checkpoint.has(this.#storedName(this.#prefix + name));
  }

  /** A weight by its whole name, such as `embed_tokens.weight`. */
  weight(name: string, shape: readonly number[]): Weight {
    return this.#checkpoint.weight(this.#storedName(this.#prefix + name), shape);
  }

  /** A linear layer's matrix. */
  matrix(name: string, rows: number, columns: number): Matrix {
    return matrix(this.weight(`${name}.weight`, [rows, columns]));
  }

  /** A vector by its whole name. */
  vector(name: string, size: number): Vector {
    const weight = this.weight(name, [size]);
    return { size, load: () => weight.load() };
  }

  /** A number by its whole name, as a vector of one. */
  scalar(name: string): Vector {
    const weight = this.weight(name, []);
    return { size: 1, load: () => weight.load() };
  }

  /** A vector of indexes into something, by its whole name. */
  integers(name: string, size: number): { load(below: number): Promise<number[]> } {
    return this.#checkpoint.integers(this.#storedName(this.#prefix + name), size);
  }

  /** A linear layer's bias. */
  bias(name: string, size: number): Vector {
    return this.vector(`${name}.bias`, size);
  }

  /** A norm's scale. */
  scale(name: string, size: number): Weight {
    return this.weight(`${name}.weight`, [size]);
  }

  /** A layer norm's weights, by today's names or by those of TensorFlow checkpoints (`gamma`, `beta`). */
  norm(name: string, size: number, epsilon: number, shifted = true): NormWeights {
    const old = this.has(`${name}.gamma`);
    return {
      weight: this.weight(`${name}.${old ? 'gamma' : 'weight'}`, [size]),
      bias: shifted ? this.weight(`${name}.${old ? 'beta' : 'bias'}`, [size]) : undefined,
      epsilon,
    };
  }
}
