import type {
  BatchEntry,
  Decoder,
  DecoderShape,
  EntryLogits,
  WantedLogits,
} from '#model/decoder/slots/slot-decoder.js';

/**
 * A decoder over plain arrays. Its slots hold token ids; the most probable next token is a function of all the tokens that a slot holds, so
 * whatever is lost, mixed up or moved wrongly shows in the output.
 */
export class FakeDecoder implements Decoder {
  readonly shape: DecoderShape;
  readonly slots: number;
  /** Ids by slot. */
  readonly cells: number[][];
  /** One entry per run, such as `prefill 0 3` (slot, tokens) or `decode 2` (rows). */
  readonly runs: string[] = [];
  chunksDiffer = false;
  /** Set to have slots trimmed; what is given up is then -1. */
  window: number | undefined;
  disposed = false;
  /** Set to make the next run fail. */
  failure: Error | undefined;
  readonly #next: (tokens: readonly number[]) => number;
  #aborted = false;

  constructor(
    slots: number,
    vocabularySize: number,
    contextLength: number,
    next: (tokens: readonly number[]) => number,
  ) {
    this.slots = slots;
    this.shape = { layers: 1, kvHeads: 1, headSize: 16, vocabularySize, contextLength };
    this.cells = Array.from({ length: slots }, () => []);
    this.#next = next;
  }

  async prefill(
    slot: number,
    ids: readonly number[],
    cached: number,
    wanted: WantedLogits,
  ): Promise<Float32Array> {
    this.runs.push(`prefill ${slot} ${ids.length}`);
    await this.#run();
    return this.#flatten(this.#continue(slot, ids, cached, wanted));
  }

  async decode(ids: readonly number[], cached: readonly number[]): Promise<Float32Array> {
    this.runs.push(`decode ${ids.length}`);
    await this.#run();
    return this.#flatten(
      ids.map((id, slot) => {
        this.#write(slot, cached[slot]!, id);
        return this.#logits(this.cells[slot]!.slice(0, cached[slot]! + 1));
      }),
    );
  }

  async prefillTogether(firstSlot: number, sequences: readonly (readonly number[])[]): Promise<Float32Array> {
    this.runs.push(`prefill ${firstSlot} ${sequences.map(({ length }) => length).join('+')}`);
    await this.#run();
    return this.#flatten(
      sequences.map((ids, row) => {
        ids.forEach((id, i) => this.#write(firstSlot + row, i, id));
        return this.#logits(ids);
      }),
    );
  }

  /** Set to make mixed batches possible. */
  runMixed?: (entries: readonly BatchEntry[]) => Promise<EntryLogits[]>;

  /** One entry in `runs` for a whole mixed batch, such as `mixed 0:1 1:3` (slot, tokens). */
  async mix(entries: readonly BatchEntry[]): Promise<EntryLogits[]> {
    this.runs.push(`mixed ${entries.map(({ slot, ids }) => `${slot}:${ids.length}`).join(' ')}`);
    await this.#run();
    return entries.map(({ slot, ids, cached, wanted }) => ({
      logits: this.#flatten(this.#continue(slot, ids, cached, wanted)),
      maxima: undefined,
    }));
  }

  swapSlots(a: number, b: number, length: number): void {
    const kept = this.cells[a]!.slice(0, length);
    this.cells[a] = this.cells[b]!.slice(0, length);
    this.cells[b] = kept;
  }

  releaseSlot(slot: number, from: number): void {
    this.cells[slot] = this.cells[slot]!.slice(0, from);
  }

  trimSlot(slot: number, before: number): void {
    this.cells[slot]!.fill(-1, 0, before);
  }

  copySlot(from: number, to: number, length: number): void {
    this.cells[to] = this.cells[from]!.slice(0, length);
  }

  abort(): void {
    this.#aborted = true;
  }

  dispose(): void {
    this.disposed = true;
  }

  async #run(): Promise<void> {
    await new Promise(resolve => setImmediate(resolve));
    if (this.#aborted) throw new Error('aborted');
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #continue(slot: number, ids: readonly number[], cached: number, wanted: WantedLogits): Float32Array[] {
    const rows: Float32Array[] = [];
    ids.forEach((id, i) => {
      this.#write(slot, cached + i, id);
      if (wanted === 'all' || (wanted === 'last' && i === ids.length - 1))
        rows.push(this.#logits(this.cells[slot]!.slice(0, cached + i + 1)));
    });
    return rows;
  }

  #write(slot: number, position: number, id: number): void {
    if (position >= this.shape.contextLength) throw new Error('a run writes beyond the cache');
    this.cells[slot]![position] = id;
  }

  /** The best token has logit 2, its successor 1, all others 0. */
  #logits(tokens: readonly number[]): Float32Array {
    const logits = new Float32Array(this.shape.vocabularySize);
    const best = this.#next(tokens);
    logits[best] = 2;
    logits[(best + 1) % logits.length] = 1;
    return logits;
  }

  #flatten(rows: readonly Float32Array[]): Float32Array {
    const { vocabularySize } = this.shape;
    const logits = new Float32Array(rows.length * vocabularySize);
    rows.forEach((row, i) => logits.set(row, i * vocabularySize));
    return logits;
  }
}
