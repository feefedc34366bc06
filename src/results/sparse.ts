/** A sparse vector: the components that are not 0, in the order of their indexes. */
export interface SparseVector {
  readonly indexes: Uint32Array;
  readonly values: Float32Array;
}

/**
 * Gathers a text's vector over the vocabulary from the logits of a masked language model: of each token the
 * largest of `log(1 + relu(logit))` over the text's positions (SPLADE-max, Formal et al. 2021).
 */
export class SparsePooling {
  readonly #largest: Float32Array;

  constructor(vocabularySize: number) {
    this.#largest = new Float32Array(vocabularySize);
  }

  /** @param logits of one position, one for each token of the vocabulary. */
  add(logits: Float32Array): void {
    const largest = this.#largest;
    for (let i = 0; i < largest.length; i++) if (logits[i]! > largest[i]!) largest[i] = logits[i]!;
  }

  /** The vector of what was added. The function grows with the logit, so the largest logit has the largest value. */
  vector(): SparseVector {
    const largest = this.#largest;
    let count = 0;
    for (let i = 0; i < largest.length; i++) if (largest[i]! > 0) count++;
    const indexes = new Uint32Array(count);
    const values = new Float32Array(count);
    for (let i = 0, place = 0; i < largest.length; i++) {
      if (!(largest[i]! > 0)) continue;
      indexes[place] = i;
      values[place++] = Math.log1p(largest[i]!);
    }
    return { indexes, values };
  }
}
