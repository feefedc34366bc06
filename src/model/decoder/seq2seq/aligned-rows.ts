import { Tensor, type IoBinding } from '#runtime/index.js';

/** A head of the decoder's attention towards its source. */
export interface AlignmentHead {
  readonly layer: number;
  readonly head: number;
}

/** What a run tells of where its tokens look. */
export interface Looks {
  /** Notes what the run has told. */
  take(): void;
  dispose(): void;
}

/**
 * Where the tokens of a text look in a source, gathered run by run: of all heads of a layer, which a graph tells as
 * `looks.N` `[1, heads, 1, sequence, positions]`, those that are wanted.
 */
export class AlignedRows {
  /** `[wanted heads, tokens, positions]` */
  readonly weights: Float32Array;
  readonly #wanted: readonly AlignmentHead[];
  readonly #heads: number;
  readonly #tokens: number;
  readonly #positions: number;

  /**
   * @param heads of a layer.
   * @param tokens of the text.
   * @param positions of the source.
   */
  constructor(wanted: readonly AlignmentHead[], heads: number, tokens: number, positions: number) {
    this.weights = new Float32Array(wanted.length * tokens * positions);
    this.#wanted = wanted;
    this.#heads = heads;
    this.#tokens = tokens;
    this.#positions = positions;
  }

  /** Binds what a run of tokens `[begin, begin + count)` tells. */
  bind(binding: IoBinding, begin: number, count: number): Looks {
    const shape = [1, this.#heads, 1, count, this.#positions];
    const size = shape.reduce((product, length) => product * length);
    const layers = new Set(this.#wanted.map(({ layer }) => layer));
    const maps = new Map([...layers].map(layer => [layer, new Float32Array(size)]));
    const tensors = [...maps].map(([layer, map]) => {
      const tensor = Tensor.fromArray(map, shape);
      binding.bindOutput(`looks.${layer}`, tensor);
      return tensor;
    });
    return {
      take: () => this.take(begin, count, maps),
      dispose() {
        for (const tensor of tensors) tensor.dispose();
      },
    };
  }

  /**
   * Notes what a run of tokens `[begin, begin + count)` has told.
   *
   * @param maps of each layer, as the graph gives them.
   */
  take(begin: number, count: number, maps: ReadonlyMap<number, Float32Array>): void {
    const size = count * this.#positions;
    this.#wanted.forEach(({ layer, head }, index) => {
      const rows = maps.get(layer)!.subarray(head * size, (head + 1) * size);
      this.weights.set(rows, (index * this.#tokens + begin) * this.#positions);
    });
  }
}
