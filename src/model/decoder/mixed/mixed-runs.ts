import { PROMPT_PART } from '#graph/blocks/mixed-attention.js';
import { DisposeStack, IoBinding, Tensor, type RunOptions, type Session } from '#runtime/index.js';
import type { SlotCache } from '../../cache/slot-cache.js';
import type { DecoderShape, EntryLogits } from '../contract.js';
import { entryLogits } from '../entry-logits.js';
import type { KeptFloats } from '../kept-floats.js';
import type { MixedPart } from '../run-ways.js';
import { layOut } from './mixed-batch.js';

/** Caches that are bound together, kept from run to run: binding some hundred values takes half a millisecond. */
interface BoundSlots {
  readonly binding: IoBinding;
  readonly tensors: readonly Tensor[];
}

/** How many of these are kept. */
const MOST_BOUND = 64;

/**
 * Runs that rows that decode share with prompts, and with them the reading of the weights, by a graph with
 * {@link mixedAttention}. Each part has a view of the same cache in the processor's memory.
 */
export class MixedRuns {
  readonly #session: Session;
  readonly #shape: DecoderShape;
  readonly #cache: SlotCache;
  readonly #runOptions: RunOptions;
  readonly #floats: KeptFloats;
  /** By slots: the latest used ones last. */
  readonly #bound = new Map<string, BoundSlots>();
  readonly #blocks: number | undefined;
  readonly #takesPositions: boolean;

  /** @param floats for what a run gives. */
  constructor(
    session: Session,
    shape: DecoderShape,
    cache: SlotCache,
    runOptions: RunOptions,
    floats: KeptFloats,
  ) {
    this.#floats = floats;
    this.#session = session;
    this.#shape = shape;
    this.#cache = cache;
    this.#runOptions = runOptions;
    const maxima = session.outputs.find(({ name }) => name === 'logits_maxima');
    this.#blocks = maxima && Number(maxima.shape[1]);
    this.#takesPositions = session.inputs.some(({ name }) => name === 'position_ids');
  }

  /** @returns one for each entry: those that decode, then the prompts. */
  async run(part: MixedPart): Promise<EntryLogits[]> {
    const { vocabularySize } = this.#shape;
    const { decode, prompts } = part;
    const { ids, positions, width, wanted, ...lengths } = layOut(part);
    const logits = this.#floats.take(wanted.length * vocabularySize);
    const blocks = this.#blocks;
    const maxima = blocks === undefined ? undefined : this.#floats.take(wanted.length * blocks);
    const sizes = [decode.length, prompts.length * width, prompts.length, width].map(BigInt);
    using values = new DisposeStack();
    const tensor = (
      array: BigInt64Array | Int32Array | Float32Array,
      shape: readonly number[] = [array.length],
    ): Tensor => values.use(Tensor.fromArray(array, shape));
    const { binding } = this.#bind(decode.length, prompts[0]!.slot, prompts.length);
    binding
      .bindInput('input_ids', tensor(ids, [ids.length, 1]))
      .bindInput('parts', tensor(BigInt64Array.from(sizes.slice(0, 2))))
      .bindInput('prompt_shape', tensor(BigInt64Array.from(sizes.slice(2))))
      .bindInput('seqlens_k', tensor(lengths.decodeLast))
      .bindInput('total_sequence_length', tensor(Int32Array.of(lengths.decodeLongest), []))
      .bindInput(`${PROMPT_PART}seqlens_k`, tensor(lengths.promptLast))
      .bindInput(`${PROMPT_PART}total_sequence_length`, tensor(Int32Array.of(lengths.promptLongest), []))
      .bindInput('logits_positions', tensor(wanted))
      .bindOutput('logits', tensor(logits, [wanted.length, vocabularySize]));
    if (this.#takesPositions) binding.bindInput('position_ids', tensor(positions, [positions.length, 1]));
    if (maxima !== undefined) binding.bindOutput('logits_maxima', tensor(maxima, [wanted.length, blocks!]));
    await this.#session.run(binding, this.#runOptions);
    return entryLogits([...decode, ...prompts], { logits, maxima }, vocabularySize, blocks);
  }

  /** Binds the caches of slots `0 .. decoding - 1`, and of `prompts` slots from `first` on. */
  #bind(decoding: number, first: number, prompts: number): BoundSlots {
    const key = `${decoding} ${first} ${prompts}`;
    let bound = this.#bound.get(key);
    this.#bound.delete(key);
    if (bound === undefined) {
      const binding = new IoBinding(this.#session);
      const decode = this.#cache.bind(binding, 0, decoding);
      bound = { binding, tensors: [...decode, ...this.#cache.bind(binding, first, prompts, PROMPT_PART)] };
    }
    this.#bound.set(key, bound);
    for (const [oldest, unused] of this.#bound) {
      if (this.#bound.size <= MOST_BOUND) break;
      this.#bound.delete(oldest);
      release(unused);
    }
    return bound;
  }

  dispose(): void {
    for (const bound of this.#bound.values()) release(bound);
    this.#bound.clear();
  }
}

function release({ binding, tensors }: BoundSlots): void {
  binding.dispose();
  for (const tensor of tensors) tensor.dispose();
}
