import type {
  BatchEntry,
  BatchResult,
  Decoder,
  DecoderShape,
  DecoderTraits,
  EntryLogits,
  EntryResult,
  RunTime,
  SlotOperation,
} from '../contract.js';

/** What a graph was found not to do right. */
export interface Restrictions {
  /** Continue a sequence by several tokens at once. */
  readonly noChunks: boolean;
  /** Run several sequences at once. */
  readonly noBatches: boolean;
}

const NO_LOGITS: EntryLogits = { logits: new Float32Array(0) };

/**
 * Asks of another decoder only what it does right: a prompt is run as a whole, when its logits are wanted,
 * and sequences are continued one after the other. Slower, and the same text.
 */
export class CautiousDecoder implements Decoder {
  readonly traits: DecoderTraits;
  readonly #inner: Decoder;
  readonly #restrictions: Restrictions;
  /** Tokens of each slot, those included that were not run yet. */
  readonly #tokens: number[][];
  /** How many of them the inner decoder has in its cache. */
  readonly #ran: number[];

  constructor(inner: Decoder, restrictions: Restrictions) {
    this.#inner = inner;
    this.#restrictions = restrictions;
    this.traits = { ...inner.traits, chunkInvariant: !restrictions.noChunks };
    this.#tokens = Array.from({ length: inner.slots }, () => []);
    this.#ran = Array.from({ length: inner.slots }, () => 0);
  }

  get slots(): number {
    return this.#inner.slots;
  }

  get shape(): DecoderShape {
    return this.#inner.shape;
  }

  async run(entries: readonly BatchEntry[]): Promise<BatchResult> {
    const { noChunks, noBatches } = this.#restrictions;
    const results: EntryResult[] = entries.map(() => NO_LOGITS);
    const runs: RunTime[] = [];
    for (const entry of entries) this.#note(entry);
    const wanted = [...entries.keys()].filter(index => !noChunks || entries[index]!.wanted !== 'none');
    const parts = noBatches ? wanted.map(index => [index]) : wanted.length > 0 ? [wanted] : [];
    for (const part of parts) {
      const given = await this.#inner.run(part.map(index => this.#whole(entries[index]!)));
      runs.push(...given.runs);
      part.forEach((index, i) => (results[index] = this.#resultOf(entries[index]!, given.results[i]!)));
    }
    return { results, runs };
  }

  arrange(operation: SlotOperation): void {
    switch (operation.kind) {
      case 'copy': {
        const { from, to, length } = operation;
        const ran = Math.min(this.#ran[from]!, length);
        const begin = Math.min(operation.begin ?? 0, this.#ran[to]!);
        if (ran > begin) this.#inner.arrange({ ...operation, length: ran, begin });
        this.#tokens[to] = this.#tokens[from]!.slice(0, length);
        this.#ran[to] = ran;
        return;
      }
      case 'swap': {
        const { a, b } = operation;
        this.#inner.arrange(operation);
        [this.#tokens[a], this.#tokens[b]] = [this.#tokens[b]!, this.#tokens[a]!];
        [this.#ran[a], this.#ran[b]] = [this.#ran[b]!, this.#ran[a]!];
        return;
      }
      case 'release':
        this.#inner.arrange(operation);
        return this.#keep(operation.slot, operation.from);
      case 'trim':
        return this.#inner.arrange(operation);
    }
  }

  abort(): void {
    this.#inner.abort();
  }

  dispose(): void {
    this.#inner.dispose();
  }

  #keep(slot: number, length: number): void {
    this.#tokens[slot] = this.#tokens[slot]!.slice(0, length);
    this.#ran[slot] = Math.min(this.#ran[slot]!, length);
  }

  #note({ slot, ids, computed }: BatchEntry): void {
    this.#keep(slot, computed);
    this.#tokens[slot]!.push(...ids);
  }

  /**
   * An entry with what was not run before it: all of the sequence, where it cannot be continued by several
   * tokens.
   */
  #whole({ slot, wanted }: BatchEntry): BatchEntry {
    const tokens = this.#tokens[slot]!;
    const ran = this.#ran[slot]!;
    const computed = this.#restrictions.noChunks && tokens.length - ran > 1 ? 0 : ran;
    return { slot, ids: tokens.slice(computed), computed, wanted };
  }

  #resultOf({ slot, ids, wanted }: BatchEntry, result: EntryResult): EntryResult {
    if ('error' in result) return result;
    this.#ran[slot] = this.#tokens[slot]!.length;
    const { logits } = result;
    return wanted === 'all'
      ? { logits: logits.subarray(logits.length - ids.length * this.shape.vocabularySize) }
      : result;
  }
}
