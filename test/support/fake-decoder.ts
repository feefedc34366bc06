import type {
  BatchEntry,
  BatchResult,
  Decoder,
  DecoderShape,
  DecoderTraits,
  EncodeResult,
  EntryLogits,
  SlotOperation,
  SoundShape,
  SourceEntry,
  SourceTraits,
} from '#model/decoder/contract.js';
import { logSumExp } from '#engine/sampling/log-sum-exp.js';
import { encodeParts } from '#model/decoder/seq2seq/encode-parts.js';
import { runInWays, runTime } from '#model/decoder/run-ways.js';
import { joined } from './run-decoder.js';

/** Logits of a block whose largest is told. */
const BLOCK = 4;

/**
 * A decoder over plain arrays. Its slots hold token ids; the most probable next token is a function of all
 * the tokens that a slot holds, and of its source, so whatever is lost, mixed up or moved wrongly shows in the
 * output.
 */
export class FakeDecoder implements Decoder {
  readonly shape: DecoderShape;
  readonly slots: number;
  /** What it does; with a window, what is given up of a slot is then -1. */
  traits: DecoderTraits = {
    mixes: false,
    packs: false,
    wholePrompts: true,
    chunkInvariant: true,
    window: undefined,
    cacheTokens: Infinity,
  };
  /** Set for a decoder that attends to sources. */
  source: SourceTraits | undefined;
  align?: NonNullable<Decoder['align']>;
  /** Ids by slot. */
  readonly cells: number[][];
  /** By slot; of sound, the codes of its features. */
  readonly sources: (readonly number[] | undefined)[];
  /**
   * One entry per run, such as `prefill 0 3` (slot, tokens), `prefill 0 3+1` (first slot, tokens of each),
   * `decode 2` (rows), `mixed 0:1 1:3` (slot, tokens), `encode 0 3+5` (first slot, tokens of each), `hear 0 a`
   * (slot, key) or `align 0 5` (slot, tokens).
   */
  readonly runs: string[] = [];
  disposed = false;
  /** Whether decode steps tell the logarithms of sums, as graphs with sources do. */
  tellsSums = false;
  /** Set to make the next run fail, or the next one that it is true of. */
  failure: Error | ((run: string) => Error | undefined) | undefined;
  /** Changes the logits after some tokens, as broken weights would. */
  spoil: (logits: Float32Array, tokens: readonly number[], source: readonly number[]) => void = () =>
    undefined;
  readonly #next: (tokens: readonly number[], source: readonly number[]) => number;
  #aborted = false;

  constructor(
    slots: number,
    vocabularySize: number,
    contextLength: number,
    next: (tokens: readonly number[], source: readonly number[]) => number,
  ) {
    this.slots = slots;
    this.shape = { layers: [], vocabularySize, contextLength };
    this.cells = Array.from({ length: slots }, () => []);
    this.sources = Array.from({ length: slots });
    this.#next = next;
  }

  async run(entries: readonly BatchEntry[]): Promise<BatchResult> {
    if (!this.traits.mixes)
      return runInWays(entries, {
        decode: rows => this.#run(`decode ${rows.length}`, rows),
        ...(this.source !== undefined
          ? { decodesFirst: true }
          : { prefillTogether: rows => this.#run(`prefill ${rows[0]!.slot} ${lengths(rows)}`, rows) }),
        prefill: async entry => (await this.#run(`prefill ${entry.slot} ${entry.ids.length}`, [entry]))[0]!,
      });
    const began = performance.now();
    try {
      const name = `mixed ${entries.map(({ slot, ids }) => `${slot}:${ids.length}`).join(' ')}`;
      const results = await this.#run(name, entries);
      return { results, runs: [runTime(entries, performance.now() - began, false)] };
    } catch (error) {
      return { results: entries.map(() => ({ error: error as Error })), runs: [] };
    }
  }

  encode(entries: readonly SourceEntry[]): Promise<EncodeResult> {
    const encodePart = async (part: readonly SourceEntry[]): Promise<void> => {
      for (const { slot } of part) this.sources[slot] = undefined;
      const [{ slot: first, sound: heard }] = part as [SourceEntry];
      await this.#begin(heard ? `hear ${first} ${heard.key}` : `encode ${first} ${lengths(part)}`);
      for (const { slot, ids, sound } of part)
        this.sources[slot] = sound ? Array.from(sound.features, Math.round) : [...ids];
    };
    return encodeParts(entries, encodePart, () => this.source!.longest);
  }

  /** Lets it hear, and tell where: a head looks where the source has the token's id, the other one at the beginning. */
  hear(sound: SoundShape, longest: number): void {
    this.source = { longest, vocabularySize: 0, sound };
    this.align = async (slot, ids) => {
      await this.#begin(`align ${slot} ${ids.length}`);
      const source = this.#sourceOf(slot);
      // What the slot held of a text is lost.
      this.cells[slot] = Array.from(ids, () => -1);
      const row = (at: number): number[] => Array.from({ length: longest }, (_, i) => (i === at ? 1 : 0));
      return {
        heads: 2,
        weights: Float32Array.from([
          ...ids.flatMap(id => row(Math.max(0, source.indexOf(id)))),
          ...ids.flatMap(() => row(0)),
        ]),
        logits: joined(ids.map((_, i) => this.#logits(ids.slice(0, i + 1), source))),
      };
    };
  }

  arrange(operation: SlotOperation): void {
    const { cells, sources } = this;
    switch (operation.kind) {
      case 'copy': {
        const { from, to, length, begin = 0 } = operation;
        cells[to] = [...cells[to]!.slice(0, begin), ...cells[from]!.slice(begin, length)];
        if (begin === 0) sources[to] = sources[from];
        break;
      }
      case 'swap': {
        const { a, b, length } = operation;
        [cells[a], cells[b]] = [cells[b]!.slice(0, length), cells[a]!.slice(0, length)];
        [sources[a], sources[b]] = [sources[b], sources[a]];
        break;
      }
      case 'release':
        cells[operation.slot] = cells[operation.slot]!.slice(0, operation.from);
        if (operation.from === 0) sources[operation.slot] = undefined;
        break;
      case 'trim':
        cells[operation.slot]!.fill(-1, 0, operation.before);
        break;
    }
  }

  abort(): void {
    this.#aborted = true;
  }

  dispose(): void {
    this.disposed = true;
  }

  /** Notes a run, which may fail. */
  async #begin(name: string): Promise<void> {
    this.runs.push(name);
    await new Promise(resolve => setImmediate(resolve));
    if (this.#aborted) throw new Error('aborted');
    const failure = typeof this.failure === 'function' ? this.failure(name) : this.failure;
    if (failure !== undefined) {
      this.failure = undefined;
      throw failure;
    }
  }

  async #run(name: string, entries: readonly BatchEntry[]): Promise<EntryLogits[]> {
    await this.#begin(name);
    return entries.map(entry => {
      const rows = this.#continue(entry);
      // Blocks are of one size, or nobody is told of them.
      const isEven = this.shape.vocabularySize % BLOCK === 0;
      const sums = this.tellsSums && name.startsWith('decode');
      return {
        logits: joined(rows),
        maxima: isEven ? joined(rows.map(blockMaxima)) : undefined,
        logSums: sums ? Float32Array.from(rows, row => logSumExp(row)) : undefined,
      };
    });
  }

  #continue({ slot, ids, computed, wanted }: BatchEntry): Float32Array[] {
    const rows: Float32Array[] = [];
    ids.forEach((id, i) => {
      if (computed + i >= this.shape.contextLength) throw new Error('a run writes beyond the cache');
      this.cells[slot]![computed + i] = id;
      if (wanted === 'all' || (wanted === 'last' && i === ids.length - 1))
        rows.push(this.#logits(this.cells[slot]!.slice(0, computed + i + 1), this.#sourceOf(slot)));
    });
    return rows;
  }

  #sourceOf(slot: number): readonly number[] {
    const source = this.sources[slot];
    if (this.source !== undefined && source === undefined) throw new Error('a slot has no source');
    return source ?? [];
  }

  /** The best token has logit 2, its successor 1, all others 0. */
  #logits(tokens: readonly number[], source: readonly number[]): Float32Array {
    const logits = new Float32Array(this.shape.vocabularySize);
    const best = this.#next(tokens, source);
    logits[best] = 2;
    logits[(best + 1) % logits.length] = 1;
    this.spoil(logits, tokens, source);
    return logits;
  }
}

function lengths(entries: readonly { readonly ids: readonly number[] }[]): string {
  return entries.map(({ ids }) => ids.length).join('+');
}

/** The largest of each block of a row. */
function blockMaxima(row: Float32Array): Float32Array {
  return Float32Array.from({ length: Math.ceil(row.length / BLOCK) }, (_, block) =>
    Math.max(...row.subarray(block * BLOCK, (block + 1) * BLOCK)),
  );
}
