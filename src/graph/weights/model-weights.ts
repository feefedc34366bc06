import type { Checkpoint, Weight } from './checkpoint.js';
import { matrix, type Matrix } from './matrix.js';

/** A vector that is read when it is written. */
export interface Vector {
  readonly size: number;
  load(): Promise<Float32Array>;
}

/** Weights of a checkpoint whose names begin alike. All methods throw KvasirError `invalid_model` where a weight is missing or wrong. */
export class ModelWeights {
  readonly #checkpoint: Checkpoint;
  readonly #prefix: string;

  constructor(checkpoint: Checkpoint, prefix = '') {
    this.#checkpoint = checkpoint;
    this.#prefix = prefix;
  }

  /** Those below a name. */
  within(name: string): ModelWeights {
    return new ModelWeights(this.#checkpoint, `${this.#prefix}${name}.`);
  }

  has(name: string): boolean {
    return this.#checkpoint.has(this.#prefix + name);
  }

  /** A weight by its whole name, such as `embed_tokens.weight`. */
  weight(name: string, shape: readonly number[]): Weight {
    return this.#checkpoint.weight(this.#prefix + name, shape);
  }

  /** A linear layer's matrix. */
  matrix(name: string, rows: number, columns: number): Matrix {
    return matrix(this.weight(`${name}.weight`, [rows, columns]));
  }

  /** A linear layer's bias, where it has one. */
  bias(name: string, size: number, exists = true): Vector | undefined {
    if (!exists) return undefined;
    const weight = this.weight(`${name}.bias`, [size]);
    return { size, load: () => weight.load() };
  }

  /** A norm's scale. */
  scale(name: string, size: number): Weight {
    return this.weight(`${name}.weight`, [size]);
  }
}
