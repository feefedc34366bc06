/** A sparse vector: the components that are not 0, in the order of their indexes. */
export interface SparseVector {
  readonly indexes: Uint32Array;
  readonly values: Float32Array;
}

/** How a component's values at all positions become one; how often the logarithm of one more is taken of each. */
export interface SparseDesign {
  readonly pooling: 'max' | 'sum';
  readonly logarithms: 1 | 2;
}

/**
 * Gathers a text's vector over the vocabulary from the logits of a masked language model: of each token the
 * largest of `log(1 + relu(logit))` over the text's positions, or their sum (SPLADE, Formal et al. 2021), and in some
 * models the logarithm once more.
 */
export class SparsePooling {
  readonly #design: SparseDesign;
  /** The largest logits, or sums of what was made of them. */
  readonly #pooled: Float32Array;

  constructor(vocabularySize: number, design: SparseDesign) {
    this.#design = design;
    this.#pooled = new Float32Array(vocabularySize);
  }

  /** @param logits of one position, one for each token of the vocabulary. */
  add(logits: Float32Array): void {
    const pooled = this.#pooled;
    if (this.#design.pooling === 'sum') {
      for (let i = 0; i < pooled.length; i++) if (logits[i]! > 0) pooled[i]! += this.#saturated(logits[i]!);
      return;
    }
    for (let i = 0; i < pooled.length; i++) if (logits[i]! > pooled[i]!) pooled[i] = logits[i]!;
  }

  /**
   * The vector of what was added. The function grows with the logit, so the largest logit has the largest value.
   *
   * @param most components, the largest ones; default: all.
   */
  vector(most = Infinity): SparseVector {
    const pooled = this.#pooled;
    const indexes: number[] = [];
    for (let i = 0; i < pooled.length; i++) if (pooled[i]! > 0) indexes.push(i);
    const kept =
      indexes.length <= most
        ? indexes
        : indexes
            .sort((a, b) => pooled[b]! - pooled[a]!)
            .slice(0, most)
            .sort((a, b) => a - b);
    const isSum = this.#design.pooling === 'sum';
    const values = Float32Array.from(kept, i => (isSum ? pooled[i]! : this.#saturated(pooled[i]!)));
    return { indexes: Uint32Array.from(kept), values };
  }

  #saturated(logit: number): number {
    const once = Math.log1p(logit);
    return this.#design.logarithms === 1 ? once : Math.log1p(once);
  }
}

/**
 * The sparse vector of a text by the weights of its tokens: of each token of the vocabulary the largest (BGE-M3, Chen et
 * al. 2024).
 *
 * @param unread ids that are left out.
 */
export function lexicalWeights(
  ids: readonly number[],
  weights: Float32Array,
  unread: ReadonlySet<number>,
): SparseVector {
  const largest = new Map<number, number>();
  ids.forEach((id, i) => {
    const weight = weights[i]!;
    if (weight > (largest.get(id) ?? 0) && !unread.has(id)) largest.set(id, weight);
  });
  const indexes = Uint32Array.from(largest.keys()).sort();
  return { indexes, values: Float32Array.from(indexes, id => largest.get(id)!) };
}
