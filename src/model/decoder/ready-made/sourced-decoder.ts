import { KvasirError } from '#errors.js';
import { RunOptions, Tensor, type IoBinding } from '#runtime/index.js';
import type {
  BatchEntry,
  BatchResult,
  Decoder,
  DecoderShape,
  DecoderTraits,
  EncodeResult,
  EntryFailure,
  EntryLogits,
  EntryResult,
  RunTime,
  SlotOperation,
  SourceEntry,
  SourceTraits,
} from '../contract.js';
import { joinedLogits } from '../entry-logits.js';
import { entryRows, isOneToken, runTime } from '../run-ways.js';
import type { Restrictions } from './cautious-decoder.js';
import { floatArray, type DecoderGraph, type Row } from './decoder-graph.js';
import type { DecoderGraphs } from './graph-ways.js';
import { GrowingCache } from './growing-cache.js';
import { ReadSources, rowOf, type ReadSource, type SourceRows } from './read-sources.js';
import { blankPositions, runGrowing } from './run-growing.js';
import { onesTensor, type Floats, type SourceEncoder } from './source-encoder.js';
import type { SourcePorts } from './ports.js';
import { READY_MADE_TRAITS } from './traits.js';

/**
 * Runs a ready-made encoder and the decoder that attends to it, whose past and present are copied at every step.
 * Nothing masks a decoder's own positions in such graphs, so that only sequences of the same length whose sources
 * are as long as each other share a run, exactly; the others run one after the other. A sequence is continued by
 * one token at a time, since the graphs that do so were exported for one.
 */
export class SourcedDecoder implements Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  readonly traits: DecoderTraits = READY_MADE_TRAITS;
  readonly source: SourceTraits;
  readonly #encoder: SourceEncoder;
  readonly #graphs: DecoderGraphs;
  readonly #cache: GrowingCache;
  readonly #sources: ReadSources;
  readonly #runOptions = new RunOptions();
  #restrictions: Restrictions = { noChunks: false, noBatches: false };

  /**
   * @param encoder goes with it.
   * @param graphs the first takes the encoder's states, the next takes what was made of them; they go with it.
   */
  constructor(
    encoder: SourceEncoder,
    graphs: DecoderGraphs,
    shape: DecoderShape,
    slots: number,
    source: SourceTraits,
  ) {
    this.#encoder = encoder;
    this.#graphs = graphs;
    this.shape = shape;
    this.slots = slots;
    this.source = source;
    this.#cache = new GrowingCache(graphs.next.ports, slots);
    this.#sources = new ReadSources(slots);
  }

  /**
   * Asks no more of the graphs than they do right.
   *
   * @param restrictions without chunks, the tokens that a sequence begins with are run one after the other, too.
   */
  restrict(restrictions: Restrictions): void {
    this.#restrictions = restrictions;
  }

  async encode(entries: readonly SourceEntry[]): Promise<EncodeResult> {
    const results: (EntryFailure | undefined)[] = entries.map(() => undefined);
    const runs: RunTime[] = [];
    // A sound fills all cores alone.
    const agreeing = ({ slot, ids, sound }: SourceEntry): readonly unknown[] =>
      sound === undefined ? [ids.length] : ['slot', slot];
    for (const group of this.#groups(entries, agreeing)) {
      const part = group.map(index => entries[index]!);
      const length = part[0]!.sound === undefined ? part[0]!.ids.length : this.source.longest;
      const began = performance.now();
      for (const { slot } of part) this.#sources.set(slot, undefined);
      try {
        const all = await this.#encoder.run(part, length, this.#runOptions);
        part.forEach(({ slot }, row) => {
          const states = rowOf(all, row, part.length);
          this.#sources.set(slot, { length, states, keys: undefined });
        });
        runs.push({ decoding: 0, promptTokens: length * part.length, ms: performance.now() - began });
      } catch (error) {
        for (const index of group) results[index] = { error: error as Error };
      }
    }
    return { results, runs };
  }

  async run(entries: readonly BatchEntry[]): Promise<BatchResult> {
    const results: EntryResult[] = [];
    const runs: RunTime[] = [];
    const agreeing = ({ slot, ids, computed, wanted }: BatchEntry): readonly unknown[] => [
      computed,
      ids.length,
      this.#sources.length(slot),
      wanted,
    ];
    for (const group of this.#groups(entries, agreeing)) {
      const part = group.map(index => entries[index]!);
      const began = performance.now();
      try {
        const given = await this.#runTogether(part);
        group.forEach((index, row) => (results[index] = given[row]!));
        runs.push(runTime(part, performance.now() - began, true, isOneToken));
      } catch (error) {
        for (const index of group) results[index] = { error: error as Error };
      }
    }
    return { results, runs };
  }

  arrange(operation: SlotOperation): void {
    this.#cache.arrange(operation);
    this.#sources.arrange(operation);
  }

  abort(): void {
    this.#runOptions.terminate();
  }

  dispose(): void {
    this.#runOptions.dispose();
    this.#encoder.dispose();
    for (const { session } of new Set([this.#graphs.first, this.#graphs.next])) session.dispose();
  }

  /** Indices of entries that share a run. */
  #groups<T>(entries: readonly T[], agreeing: (entry: T) => readonly unknown[]): number[][] {
    if (this.#restrictions.noBatches) return entries.map((_, index) => [index]);
    const groups = new Map<string, number[]>();
    entries.forEach((entry, index) => {
      const key = agreeing(entry).join(' ');
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [index]);
      else group.push(index);
    });
    return [...groups.values()];
  }

  /** Runs entries that agree in all lengths, in as few pieces as the graphs take. */
  async #runTogether(entries: readonly BatchEntry[]): Promise<readonly EntryLogits[]> {
    const { computed, ids, wanted } = entries[0]!;
    const slots = entries.map(({ slot }) => slot);
    const beginsWhole =
      computed === 0 &&
      !this.#restrictions.noChunks &&
      this.#graphs.first.givesAll(entries.map(() => ids.length));
    const pieces: EntryLogits[][] = [];
    for (let begin = 0, end: number; begin < ids.length; begin = end) {
      end = beginsWhole ? ids.length : begin + 1;
      const rows = entries.map(entry => ({ ids: entry.ids.slice(begin, end), computed: computed + begin }));
      const logits = await this.#runPiece(slots, rows, wanted === 'all');
      if (wanted === 'all' || (wanted === 'last' && end === ids.length))
        pieces.push(entryRows(logits, rows.length));
    }
    return entries.map((_, row) =>
      wanted === 'none' ? NO_LOGITS : joinedLogits(pieces.map(piece => piece[row]!)),
    );
  }

  #runPiece(slots: readonly number[], rows: readonly Row[], all: boolean): Promise<Float32Array> {
    const hasPast = rows[0]!.computed > 0;
    const graph = hasPast ? this.#graphs.next : this.#graphs.first;
    const sources = slots.map(slot => this.#sources.get(slot));
    const source = this.#sources.rows(sources);
    if (hasPast && source.keys === undefined)
      throw new KvasirError('runtime_failure', `a slot of ${slots.join(', ')} has a past of another source`);
    return this.#cache.grow(slots, rows, blankPositions(graph), async growth => {
      const step = { rows, width: growth.present.positions, padding: () => 0, hasPast, all };
      const bound = new BoundSource(graph, source, rows.length, hasPast);
      const logits = await runGrowing(graph, growth, step, this.#runOptions, (binding, use) =>
        bound.bind(binding, use),
      );
      bound.giveKeys(sources);
      return logits;
    });
  }
}

const NO_LOGITS: EntryLogits = { logits: new Float32Array(0) };

/** What a run takes of its rows' sources, and makes of them. */
class BoundSource {
  readonly #graph: DecoderGraph;
  readonly #ports: SourcePorts;
  readonly #source: SourceRows;
  readonly #rows: number;
  readonly #hasPast: boolean;
  /** What becomes the keys and values of all rows, where a row has none yet. */
  readonly #made: readonly Floats[] | undefined;

  constructor(graph: DecoderGraph, source: SourceRows, rows: number, hasPast: boolean) {
    this.#graph = graph;
    this.#ports = graph.ports.source!;
    this.#source = source;
    this.#rows = rows;
    this.#hasPast = hasPast;
    const { cacheType } = graph.ports;
    if (source.keys === undefined)
      this.#made = this.#ports.caches.map(({ heads, headSize }) =>
        floatArray(cacheType, rows * heads * source.length * headSize),
      );
  }

  bind(binding: IoBinding, use: (tensor: Tensor) => Tensor): void {
    const { states, mask, caches } = this.#ports;
    const { length, states: values, keys } = this.#source;
    const { cacheType } = this.#graph.ports;
    const rows = this.#rows;
    if (states !== undefined) {
      const tensor = use(Tensor.fromArray(values, [rows, length, states.size], states.type));
      binding.bindInput(states.name, tensor);
    }
    if (mask !== undefined) binding.bindInput(mask.name, use(onesTensor(mask, [rows, length])));
    const blank = blankPositions(this.#graph);
    caches.forEach(({ past, present, heads, headSize }, index) => {
      const tensorOf = (array: Floats, positions: number): Tensor =>
        use(Tensor.fromArray(array, [rows, heads, positions, headSize], cacheType));
      if (past !== undefined)
        binding.bindInput(
          past,
          this.#hasPast
            ? tensorOf(keys![index]!, length)
            : tensorOf(floatArray(cacheType, rows * heads * blank * headSize), blank),
        );
      // A merged graph gives nothing of use where it has a past.
      if (this.#made !== undefined) binding.bindOutput(present!, tensorOf(this.#made[index]!, length));
    });
  }

  /** Gives sources what a run has made of them. */
  giveKeys(sources: readonly ReadSource[]): void {
    const made = this.#made;
    if (made === undefined) return;
    sources.forEach((source, row) => {
      source.keys ??= made.map(all => rowOf(all, row, sources.length));
    });
  }
}
