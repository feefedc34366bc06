import type { Weight } from '../checkpoint.js';
import type { SafetensorsFile } from '../safetensors.js';
import { CheckpointTensors } from './checkpoint-tensors.js';
import type { FindQuantized, QuantizedTensor } from './method.js';

/** The weights that a checkpoint's files have quantized, by the names that they would have in floats. */
export class QuantizedStore {
  /** What errors call it. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, QuantizedTensor>;
  /** Names of the tensors that these weights are made of. */
  readonly parts: ReadonlySet<string>;

  private constructor(path: string, tensors: ReadonlyMap<string, QuantizedTensor>) {
    this.path = path;
    this.tensors = tensors;
    this.parts = new Set([...tensors.values()].flatMap(({ tensors }) => tensors));
  }

  /** @throws KvasirError `invalid_model` where a weight lacks a part, or one has a wrong shape */
  static async open(
    folder: string,
    files: readonly SafetensorsFile[],
    find: FindQuantized,
  ): Promise<QuantizedStore> {
    return new QuantizedStore(folder, await find(new CheckpointTensors(files)));
  }

  weight(name: string): Omit<Weight, 'name' | 'shape'> {
    const tensor = this.tensors.get(name)!;
    const columns = tensor.shape.at(-1)!;
    const rows = tensor.shape.slice(0, -1).reduce((product, size) => product * size, 1);
    return {
      async load(first = 0, last = rows * columns) {
        const row = Math.floor(first / columns);
        const values = await tensor.rows(row, Math.ceil(last / columns));
        return values.subarray(first - row * columns, last - row * columns);
      },
      packed: tensor.packed,
      isQuantized: true,
    };
  }

  /** The files stay those of who opened them. */
  async close(): Promise<void> {}
}
