import type { Decoder, DecoderShape, WantedLogits } from '../slots/slot-decoder.js';

/** What a graph was found not to do right. */
export interface Restrictions {
  /** Continue a sequence by several tokens at once. */
  readonly noChunks: boolean;
  /** Run several sequences at once. */
  readonly noBatches: boolean;
}

/**
 * Asks of another decoder only what it does right: a prompt is run as a whole, when its logits are wanted, and sequences are continued one
 * after the other. Slower, and the same text.
 */
export class CautiousDecoder implements Decoder {
  readonly #inner: Decoder;
  readonly #restrictions: Restrictions;
  /** Tokens of each slot, those included that were not run yet. */
  readonly #tokens: number[][];
  /** How many of them the inner decoder has in its cache. */
  readonly #ran: number[];

  constructor(inner: Decoder, restrictions: Restrictions) {
    this.#inner = inner;
    this.#restrictions = restrictions;
    this.#tokens = Array.from({ length: inner.slots }, () => []);
    this.#ran = Array.from({ length: inner.slots }, () => 0);
  }

  get slots(): number {
    return this.#inner.slots;
  }

  get chunksDiffer(): boolean {
    return this.#restrictions.noChunks;
  }

  get shape(): DecoderShape {
    return this.#inner.shape;
  }

  async prefill(
    slot: number,
    ids: readonly number[],
    cached: number,
    wanted: WantedLogits,
  ): Promise<Float32Array> {
    const { vocabularySize } = this.shape;
    const tokens = [...this.#tokens[slot]!.slice(0, cached), ...ids];
    this.#tokens[slot] = tokens;
    this.#ran[slot] = Math.min(this.#ran[slot]!, cached);
    if (this.#restrictions.noChunks && wanted === 'none') return new Float32Array(0);
    const ran = this.#ran[slot];
    const whole = this.#restrictions.noChunks && tokens.length - ran > 1;
    const begin = whole ? 0 : ran;
    const logits = await this.#inner.prefill(slot, tokens.slice(begin), begin, wanted);
    this.#ran[slot] = tokens.length;
    return wanted === 'all' ? logits.subarray(logits.length - ids.length * vocabularySize) : logits;
  }

  async prefillTogether(firstSlot: number, sequences: readonly (readonly number[])[]): Promise<Float32Array> {
    if (this.#inner.prefillTogether !== undefined && !this.#restrictions.noBatches) {
      const logits = await this.#inner.prefillTogether(firstSlot, sequences);
      sequences.forEach((ids, row) => {
        this.#tokens[firstSlot + row] = [...ids];
        this.#ran[firstSlot + row] = ids.length;
      });
      return logits;
    }
    const { vocabularySize } = this.shape;
    const logits = new Float32Array(sequences.length * vocabularySize);
    for (const [row, ids] of sequences.entries())
      logits.set(await this.prefill(firstSlot + row, ids, 0, 'last'), row * vocabularySize);
    return logits;
  }

  async decode(ids: readonly number[], cached: readonly number[]): Promise<Float32Array> {
    const isRun = ids.every((_, slot) => this.#ran[slot]! >= cached[slot]!);
    if (isRun && (!this.#restrictions.noBatches || ids.length === 1)) {
      const logits = await this.#inner.decode(ids, cached);
      ids.forEach((id, slot) => {
        this.#tokens[slot] = [...this.#tokens[slot]!.slice(0, cached[slot]), id];
        this.#ran[slot] = cached[slot]! + 1;
      });
      return logits;
    }
    const { vocabularySize } = this.shape;
    const logits = new Float32Array(ids.length * vocabularySize);
    for (const [slot, id] of ids.entries())
      logits.set(await this.prefill(slot, [id], cached[slot]!, 'last'), slot * vocabularySize);
    return logits;
  }

  copySlot(from: number, to: number, length: number): void {
    const ran = Math.min(this.#ran[from]!, length);
    if (ran > 0) this.#inner.copySlot(from, to, ran);
    this.#tokens[to] = this.#tokens[from]!.slice(0, length);
    this.#ran[to] = ran;
  }

  swapSlots(a: number, b: number, length: number): void {
    this.#inner.swapSlots(a, b, length);
    [this.#tokens[a], this.#tokens[b]] = [
      this.#tokens[b]!.slice(0, length),
      this.#tokens[a]!.slice(0, length),
    ];
    [this.#ran[a], this.#ran[b]] = [Math.min(this.#ran[b]!, length), Math.min(this.#ran[a]!, length)];
  }

  releaseSlot(slot: number, from: number): void {
    this.#inner.releaseSlot(slot, from);
    this.#tokens[slot] = this.#tokens[slot]!.slice(0, from);
    this.#ran[slot] = Math.min(this.#ran[slot]!, from);
  }

  abort(): void {
    this.#inner.abort();
  }

  dispose(): void {
    this.#inner.dispose();
  }
}
