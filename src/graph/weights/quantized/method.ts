import type { ModelConfig } from '../../config.js';
import type { PackedRows } from '../packed-rows.js';
import type { CheckpointTensors } from './checkpoint-tensors.js';

/** A weight that a checkpoint has quantized. */
export interface QuantizedTensor {
  /** What people are told that it is stored as, such as `GPTQ, 4 bits in groups of 128`. */
  readonly type: string;
  readonly shape: readonly number[];
  /** Names of the tensors that it is made of. */
  readonly tensors: readonly string[];
  /** Rows `[first, last)` of its last axis. */
  rows(first: number, last: number): Promise<Float32Array>;
  /** The same rows as they are stored, where graphs run them so. */
  readonly packed?: PackedRows | undefined;
}

/** Finds the quantized weights of a checkpoint, by the names that they would have in floats. */
export type FindQuantized = (tensors: CheckpointTensors) => Promise<ReadonlyMap<string, QuantizedTensor>>;

/**
 * A method of quantization, by what config.json says of it.
 *
 * @throws KvasirError `unsupported_model` where the settings ask for what is not read, `invalid_model` where they
 * contradict themselves; what they say of activations and caches is warned of
 */
export type QuantizationMethod = (settings: ModelConfig) => FindQuantized;
