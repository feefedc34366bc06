import { DisposeStack, IoBinding, RunOptions, Tensor, type Session } from '#runtime/index.js';
import { sourceParts } from '../../cache/layer-cache.js';
import { SlotCache } from '../../cache/slot-cache.js';
import type {
  DecoderShape,
  EncodeResult,
  SlotOperation,
  SoundSource,
  SourceEntry,
  SourceTraits,
  WaveformShape,
} from '../contract.js';
import { encodeParts } from './encode-parts.js';
import { textInputs, waveformInputs, type SourceInputs } from './source-inputs.js';
import { LONGEST_CHUNK, type SourceRows, type Sources } from './sources.js';

/** Traits of a decoder whose sources are of any lengths. */
export type RaggedTraits = SourceTraits & { readonly sound?: WaveformShape | undefined };

/** Added to the score of a key that is not there. */
const NO_KEY = -1e9;

/**
 * Sources of any lengths, texts or samples of sound: per layer and side one buffer `[slots, heads, capacity, headSize]`, which a
 * run of the encoder's graph fills in place (TensorScatter), and the decoder's reads in place: its cross-attention
 * is GroupQueryAttention without new keys, which reads as many positions as a row's source has. What lies behind
 * them is of no matter, but that several tokens of a row look as far behind it as there are of them.
 */
export class RaggedSources implements Sources {
  readonly traits: RaggedTraits;
  readonly #encoder: Session;
  readonly #owned = new DisposeStack();
  readonly #runOptions = this.#owned.use(new RunOptions());
  readonly #cache: SlotCache;
  /** Tokens of each slot's source; 0: it has none. */
  readonly #lengths: Int32Array;
  readonly #total = new Int32Array(1);
  readonly #totalTensor = this.#owned.use(Tensor.fromArray(this.#total, []));
  /** Of a single token, as long as the largest total. */
  readonly #noBias: Float32Array;
  /** What was bound last as `cross_bias`. */
  #bias: Tensor | undefined;

  /**
   * @param encoder goes with the cache.
   * @param decoder on the same device.
   * @throws KvasirError `runtime_failure` where there is not enough memory
   */
  constructor(
    encoder: Session,
    decoder: Session,
    { layers, cacheType: type = 'float32' }: DecoderShape,
    slots: number,
    traits: RaggedTraits,
  ) {
    this.#encoder = encoder;
    this.traits = traits;
    this.#lengths = new Int32Array(slots);
    const contextLength = traits.longest + LONGEST_CHUNK - 1;
    this.#noBias = new Float32Array(contextLength);
    try {
      const layout = { parts: sourceParts(layers), type, contextLength, slots };
      this.#cache = this.#owned.use(new SlotCache(decoder, layout));
    } catch (error) {
      this.#owned.dispose();
      throw error;
    }
  }

  encode(entries: readonly SourceEntry[]): Promise<EncodeResult> {
    const { sound: shape } = this.traits;
    const positions = shape && (({ features }: SoundSource): number => shape.positions(features.length));
    return encodeParts(entries, part => this.#encode(part), positions);
  }

  rows(binding: IoBinding, first: number, count: number): SourceRows {
    const tensors = this.#cache.bind(binding, first, count);
    const lengths = new Int32Array(count);
    const lengthsTensor = Tensor.fromArray(lengths, [count]);
    return {
      prepare: sequence => {
        this.#prepare(binding, first, lengths, sequence);
        binding.bindInput('cross_seqlens_k', lengthsTensor);
      },
      dispose() {
        for (const tensor of [...tensors, lengthsTensor]) tensor.dispose();
      },
    };
  }

  #prepare(binding: IoBinding, first: number, lengths: Int32Array, sequence: number): void {
    let longest = 0;
    for (let row = 0; row < lengths.length; row++) {
      const length = this.#lengths[first + row]!;
      // The operator is causal over a source, too: the last token sees all that is counted, others less.
      lengths[row] = length + sequence - 2;
      longest = Math.max(longest, length);
    }
    const total = longest + sequence - 1;
    this.#total[0] = total;
    if (sequence > 1) this.#shutOut(first, longest, sequence);
    else if (this.#bias?.shape[2] !== 1 || this.#bias.shape[3] !== total)
      this.#setBias(this.#noBias.subarray(0, total), 1, total);
    binding.bindInput('cross_total', this.#totalTensor).bindInput('cross_bias', this.#bias!);
  }

  arrange(operation: SlotOperation): void {
    const lengths = this.#lengths;
    switch (operation.kind) {
      case 'copy': {
        const { from, to, begin = 0 } = operation;
        if (begin > 0 || from === to) return;
        this.#cache.arrange({ kind: 'copy', from, to, length: lengths[from]! });
        this.#setLength(to, lengths[from]!);
        return;
      }
      case 'swap': {
        const { a, b } = operation;
        const [lengthA, lengthB] = [lengths[a]!, lengths[b]!];
        this.#cache.arrange({ kind: 'swap', a, b, length: Math.max(lengthA, lengthB) });
        this.#setLength(a, lengthB);
        this.#setLength(b, lengthA);
        return;
      }
      case 'release':
        if (operation.from === 0) this.#setLength(operation.slot, 0);
        return;
      case 'trim':
        // Windows are of a text's own positions.
        return;
    }
  }

  abort(): void {
    this.#runOptions.terminate();
  }

  dispose(): void {
    this.#bias?.dispose();
    this.#owned.dispose();
    this.#encoder.dispose();
  }

  async #encode(entries: readonly SourceEntry[]): Promise<void> {
    const first = entries[0]!.slot;
    const { lengths, inputs } = this.#read(entries);
    const longest = Math.max(...lengths);
    // Until it is over, and where it fails, nobody knows what these slots hold.
    const filled = entries.map(({ slot }) => Math.max(this.#lengths[slot]!, longest));
    for (const { slot } of entries) this.#lengths[slot] = 0;
    using binding = new IoBinding(this.#encoder);
    const tensors = [...this.#cache.bind(binding, first, entries.length), ...inputs.values()];
    try {
      for (const [name, tensor] of inputs) binding.bindInput(name, tensor);
      await this.#encoder.run(binding, this.#runOptions);
    } catch (error) {
      for (const { slot } of entries) this.#cache.arrange({ kind: 'release', slot, from: 0 });
      throw error;
    } finally {
      for (const tensor of tensors) tensor.dispose();
    }
    entries.forEach(({ slot }, row) => {
      this.#lengths[slot] = filled[row]!;
      this.#setLength(slot, lengths[row]!);
    });
  }

  #read(entries: readonly SourceEntry[]): SourceInputs {
    const { sound } = this.traits;
    return sound === undefined ? textInputs(entries) : waveformInputs(entries[0]!, sound);
  }

  /**
   * Keeps all tokens of a run from what lies behind the source: they see it with a weight of 0, so it has to be
   * numbers.
   */
  #shutOut(slot: number, length: number, sequence: number): void {
    const total = length + sequence - 1;
    const bias = new Float32Array(sequence * total);
    for (let row = 0; row < sequence; row++) bias.fill(NO_KEY, row * total + length, (row + 1) * total);
    this.#cache.clear(slot, length, total);
    this.#setBias(bias, sequence, total);
  }

  #setBias(values: Float32Array, sequence: number, total: number): void {
    this.#bias?.dispose();
    this.#bias = Tensor.fromArray(values, [1, 1, sequence, total]);
  }

  /** Notes the length of a slot's source, and gives back what a longer one has left behind it. */
  #setLength(slot: number, length: number): void {
    if (length < this.#lengths[slot]!) this.#cache.arrange({ kind: 'release', slot, from: length });
    this.#lengths[slot] = length;
  }
}
