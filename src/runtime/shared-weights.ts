import { check, create, ortApi, type Pointer } from './api.js';
import { DisposeStack } from './dispose-stack.js';
import { mapFile, type MappedFile } from './mapped-file.js';
import { cpuMemoryInfo } from './memory.js';
import type { SessionOptions } from './session-options.js';

/** A weight of a graph, whose elements lie in a file beside it. */
export interface StoredWeight {
  readonly name: string;
  /** ONNX's number of the element type (`TensorProto.DataType`). */
  readonly type: number;
  readonly shape: readonly number[];
  /** Where the elements lie in the file. */
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Weights that several sessions on the processor share, as they are stored and as kernels pack them: a graph
 * in two forms takes hardly more memory than in one.
 *
 * Functions of the C API: AddInitializer, CreatePrepackedWeightsContainer.
 */
export class SharedWeights {
  readonly #owned = new DisposeStack();
  readonly #file: MappedFile;
  readonly #container: Pointer;
  readonly #values: readonly (readonly [name: string, value: Pointer])[];

  /**
   * @param file where all of them are stored.
   * @throws KvasirError `invalid_model` where the file cannot be read or ends before them
   */
  constructor(file: string, weights: readonly StoredWeight[]) {
    const { ReleaseValue, ReleasePrepackedWeightsContainer } = ortApi().functions;
    try {
      this.#file = this.#owned.use(
        mapFile(file, Math.max(...weights.map(({ offset, bytes }) => offset + bytes))),
      );
      const { pointer } = cpuMemoryInfo();
      this.#values = weights.map(({ name, type, shape, offset, bytes }) => {
        const address = this.#file.address + BigInt(offset);
        const dimensions = BigInt64Array.from(shape, BigInt);
        const value = create(
          'CreateTensorWithDataAsOrtValue',
          pointer,
          address,
          bytes,
          dimensions,
          shape.length,
          type,
        );
        this.#owned.use({ dispose: () => void ReleaseValue(value) });
        return [name, value];
      });
      this.#container = create('CreatePrepackedWeightsContainer');
      this.#owned.use({ dispose: () => void ReleasePrepackedWeightsContainer(this.#container) });
    } catch (error) {
      this.#owned.dispose();
      throw error;
    }
  }

  /** What kernels packed. */
  get container(): Pointer {
    return this.#container;
  }

  /** Gives them to a session to be, in the place of those that its graph names. */
  addTo(options: SessionOptions): void {
    for (const [name, value] of this.#values)
      check(ortApi().functions.AddInitializer(options.pointer, name, value));
  }

  /** Lets go of the file's pages: most weights are read once, when kernels pack them. */
  release(): void {
    this.#file.discard();
  }

  /** Not before the sessions are disposed. */
  dispose(): void {
    this.#owned.dispose();
  }
}
