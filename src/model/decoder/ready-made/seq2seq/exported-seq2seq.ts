import { KvasirError } from '#errors.js';
import { cpuMemoryInfo, IoBinding, RunOptions, Tensor, type Session } from '#runtime/index.js';
import type {
  BatchEntry,
  BatchResult,
  Decoder,
  DecoderShape,
  DecoderTraits,
  EncodeResult,
  EntryLogits,
  EntryResult,
  RunTime,
  SlotOperation,
  SourceEntry,
  SourceTraits,
} from '../../contract.js';
import { isOneToken, runTime } from '../../run-ways.js';
import { encodeParts } from '../../seq2seq/encode-parts.js';
import { pastNames, presentNames, type ReadyMadeSeq2Seq } from './find-seq2seq.js';
import { SharedTensors } from './shared-tensors.js';

/** What a slot holds; states are never changed, so that a copy is a second holder. */
interface SlotState {
  /** The encoder's last hidden states, `[1, length, hidden]`, and a mask of ones over them, int64 `[1, length]`. */
  readonly source?: SharedTensors | undefined;
  /** Keys and values of the source, once a text over it has begun. */
  readonly cross?: SharedTensors | undefined;
  /** Keys and values of the text. */
  readonly own?: SharedTensors | undefined;
  /** Positions of these. */
  readonly length: number;
}

const EMPTY: SlotState = { length: 0 };

export interface SessionsOfSeq2Seq {
  readonly encoder: Session;
  /** Begins texts. */
  readonly first: Session;
  /** Continues them; may be the same. */
  readonly next: Session;
}

/**
 * Runs the graphs of an encoder-decoder as Hugging Face's exporter writes them: a past in, a present out. They
 * count a text's positions by its past and take no mask over it, so that texts run one by one. Nothing is
 * continued but from its very end.
 */
export class ExportedSeq2Seq implements Decoder {
  readonly slots: number;
  readonly shape: DecoderShape;
  readonly source: SourceTraits;
  readonly traits: DecoderTraits = {
    mixes: false,
    packs: false,
    wholePrompts: false,
    chunkInvariant: false,
    window: undefined,
    cacheTokens: Infinity,
  };
  readonly #sessions: SessionsOfSeq2Seq;
  readonly #found: ReadyMadeSeq2Seq;
  readonly #runOptions = new RunOptions();
  readonly #states: SlotState[];

  /** @param sessions go with the decoder. */
  constructor(
    sessions: SessionsOfSeq2Seq,
    found: ReadyMadeSeq2Seq,
    shape: DecoderShape,
    slots: number,
    source: SourceTraits,
  ) {
    this.#sessions = sessions;
    this.#found = found;
    this.shape = shape;
    this.slots = slots;
    this.source = source;
    this.#states = Array.from({ length: slots }, () => EMPTY);
  }

  async run(entries: readonly BatchEntry[]): Promise<BatchResult> {
    const results: EntryResult[] = [];
    const runs: RunTime[] = [];
    for (const entry of entries) {
      const began = performance.now();
      try {
        results.push(await this.#continue(entry));
        runs.push(runTime([entry], performance.now() - began, true, isOneToken));
      } catch (error) {
        results.push({ error: error as Error });
      }
    }
    return { results, runs };
  }

  encode(entries: readonly SourceEntry[]): Promise<EncodeResult> {
    return encodeParts(entries, ([entry]) => this.#encode(entry!), false);
  }

  arrange(operation: SlotOperation): void {
    switch (operation.kind) {
      case 'copy': {
        const { from, to, length } = operation;
        const { source, cross, own, length: whole } = this.#states[from]!;
        const kept = length > 0 && length === whole ? own : undefined;
        return this.#replace(to, {
          source: source?.hold(),
          cross: cross?.hold(),
          own: kept?.hold(),
          length: kept === undefined ? 0 : length,
        });
      }
      case 'swap': {
        const { a, b } = operation;
        [this.#states[a], this.#states[b]] = [this.#states[b]!, this.#states[a]!];
        return;
      }
      case 'release':
        if (operation.from === 0) this.#replace(operation.slot, EMPTY);
        return;
      case 'trim':
        throw new Error('states are not trimmed');
    }
  }

  abort(): void {
    this.#runOptions.terminate();
  }

  dispose(): void {
    for (let slot = 0; slot < this.slots; slot++) this.#replace(slot, EMPTY);
    this.#runOptions.dispose();
    const { encoder, first, next } = this.#sessions;
    for (const session of new Set([encoder, first, next])) session.dispose();
  }

  async #encode({ slot, ids }: SourceEntry): Promise<void> {
    this.#replace(slot, EMPTY);
    using idsTensor = Tensor.fromArray(BigInt64Array.from(ids, BigInt), [1, ids.length]);
    const mask = Tensor.fromArray(new BigInt64Array(ids.length).fill(1n), [1, ids.length]);
    try {
      const inputs = new Map([
        ['input_ids', idsTensor],
        ['attention_mask', mask],
      ]);
      const [hidden] = await this.#runSession(this.#sessions.encoder, inputs, ['last_hidden_state']);
      this.#states[slot] = { source: new SharedTensors([hidden!, mask]), length: 0 };
    } catch (error) {
      mask.dispose();
      throw error;
    }
  }

  async #continue({ slot, ids, computed, wanted }: BatchEntry): Promise<EntryLogits> {
    const state = this.#states[slot]!;
    const { source, cross, own } = state;
    if (source === undefined || (computed > 0 && state.length !== computed))
      throw new KvasirError(
        'runtime_failure',
        `slot ${slot} holds ${state.length} positions, not ${computed}, ${source ? 'and' : 'without'} a source`,
      );
    const { layers } = this.#found;
    const hasPast = computed > 0;
    const ownNames = presentNames('decoder', layers);
    // With a past, graphs of two branches give the source's again, or something else in their place.
    const crossNames = hasPast ? [] : presentNames('encoder', layers);
    const temporary: Tensor[] = [];
    const use = (tensor: Tensor): Tensor => {
      temporary.push(tensor);
      return tensor;
    };
    let outputs: Tensor[];
    try {
      const [hidden, mask] = source.tensors;
      const inputs = new Map([
        ['input_ids', use(Tensor.fromArray(BigInt64Array.from(ids, BigInt), [1, ids.length]))],
        ['encoder_attention_mask', mask!],
        ['encoder_hidden_states', hidden!],
        ['use_cache_branch', use(Tensor.fromArray(Uint8Array.of(hasPast ? 1 : 0), [1], 'bool'))],
      ]);
      const pasts = hasPast ? [...own!.tensors, ...cross!.tensors] : this.#noPast(use);
      const names = [...pastNames('decoder', layers), ...pastNames('encoder', layers)];
      names.forEach((name, index) => inputs.set(name, pasts[index]!));
      const session = hasPast ? this.#sessions.next : this.#sessions.first;
      outputs = await this.#runSession(session, inputs, ['logits', ...ownNames, ...crossNames]);
    } finally {
      for (const tensor of temporary) tensor.dispose();
    }
    const [logits, ...presents] = outputs;
    using _logits = logits!;
    const keptCross = cross?.hold() ?? new SharedTensors(presents.slice(ownNames.length));
    if (cross !== undefined) for (const tensor of presents.slice(ownNames.length)) tensor.dispose();
    this.#replace(slot, {
      source: source.hold(),
      cross: keptCross,
      own: new SharedTensors(presents.slice(0, ownNames.length)),
      length: computed + ids.length,
    });
    return { logits: this.#wanted(logits!, wanted) };
  }

  /** @returns the outputs of the names; only those inputs are given that the graph takes. */
  async #runSession(
    session: Session,
    inputs: ReadonlyMap<string, Tensor>,
    outputs: readonly string[],
  ): Promise<Tensor[]> {
    using binding = new IoBinding(session);
    for (const { name } of session.inputs) binding.bindInput(name, inputs.get(name)!);
    for (const name of outputs) binding.bindOutputToDevice(name, cpuMemoryInfo());
    await session.run(binding, this.#runOptions);
    return binding.outputs();
  }

  /** A past of one position, which nobody looks at: a graph of two branches may not take an empty one. */
  #noPast(use: (tensor: Tensor) => Tensor): Tensor[] {
    const { layers, heads, headSize } = this.#found;
    const none = use(Tensor.fromArray(new Float32Array(heads * headSize), [1, heads, 1, headSize]));
    return Array.from({ length: 4 * layers }, () => none);
  }

  /** @param logits `[1, positions, vocabulary]` */
  #wanted(logits: Tensor, wanted: BatchEntry['wanted']): Float32Array {
    if (wanted === 'none') return new Float32Array(0);
    const all = logits.toArray() as Float32Array;
    return wanted === 'all' ? all : all.subarray(all.length - this.shape.vocabularySize);
  }

  #replace(slot: number, state: SlotState): void {
    const { source, cross, own } = this.#states[slot]!;
    this.#states[slot] = state;
    for (const held of [source, cross, own]) held?.release();
  }
}
