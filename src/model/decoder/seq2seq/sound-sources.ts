import { elementSize, IoBinding, RunOptions, Tensor, DisposeStack, type Session } from '#runtime/index.js';
import { CacheMemory } from '../../cache/cache-memory.js';
import { sourceParts, type CachePart } from '../../cache/layer-cache.js';
import type {
  DecoderShape,
  EncodeResult,
  SlotOperation,
  SourceEntry,
  SourceTraits,
  SoundShape,
} from '../contract.js';
import { encodeParts } from './encode-parts.js';
import { SourcePlaces } from './source-places.js';
import type { SourceRows, Sources } from './sources.js';

/** Places that runs may read for nothing, one after the other, before it is worth it to move a source. */
const PATIENCE = 16;

/** Places `first .. first + count - 1`. */
interface Range {
  readonly first: number;
  readonly count: number;
}

/** Tokens that attend to the sources of a {@link Range}: see `sharedCrossAttention`. */
interface Grid extends Range {
  /** `[sources, apart, together]` */
  readonly shape: readonly [sources: number, apart: number, together: number];
  readonly tokens: BigInt64Array;
  readonly places: BigInt64Array;
}

/**
 * Windows of sound as the sources of a decoder's slots: per layer and side one buffer `[places, heads, positions, headSize]`,
 * into which the encoder's graph writes its outputs, and which the decoder's reads where it lies. They are always
 * whole. Slots share places where they hear the same ({@link SourcePlaces}), and each step reads a place once.
 *
 * A run reads all places from the first that it needs to the last. Where that has been more than it needs for some
 * time, a source is moved between those that are read.
 */
export class SoundSources implements Sources {
  readonly traits: SourceTraits & { readonly sound: SoundShape };
  readonly #encoder: Session;
  readonly #owned = new DisposeStack();
  readonly #runOptions = this.#owned.use(new RunOptions());
  readonly #parts: readonly CachePart[];
  readonly #memory: CacheMemory;
  readonly #type: NonNullable<DecoderShape['cacheType']>;
  readonly #places: SourcePlaces;
  /** What the latest step read. */
  #latest: Range = { first: 0, count: 1 };
  /** Places that were read for nothing since a source was moved. */
  #wasted = 0;
  /** A free place whose memory has not been given back: the next source gets it. */
  #spare: number | undefined;

  /**
   * @param encoder goes with the sources.
   * @param decoder on the same device.
   * @throws KvasirError `runtime_failure` where there is not enough memory
   */
  constructor(
    encoder: Session,
    decoder: Session,
    { layers, cacheType = 'float32' }: DecoderShape,
    slots: number,
    traits: SourceTraits & { readonly sound: SoundShape },
  ) {
    this.#encoder = encoder;
    this.traits = traits;
    this.#type = cacheType;
    this.#places = new SourcePlaces(slots);
    this.#parts = sourceParts(layers);
    const sizes = this.#parts.map(({ heads, headSize }) => {
      const positionBytes = headSize * elementSize(cacheType);
      return { heads, headBytes: traits.longest * positionBytes, positionBytes };
    });
    try {
      this.#memory = this.#owned.use(new CacheMemory(decoder, slots, sizes));
    } catch (error) {
      this.#owned.dispose();
      throw error;
    }
  }

  encode(entries: readonly SourceEntry[]): Promise<EncodeResult> {
    return encodeParts(
      entries,
      ([entry]) => this.#encode(entry!),
      () => this.traits.longest,
    );
  }

  rows(binding: IoBinding, first: number, count: number): SourceRows {
    let bound: Range | undefined;
    let caches: readonly Tensor[] = [];
    let grid: readonly Tensor[] = [];
    const dispose = (tensors: readonly Tensor[]): void => {
      for (const tensor of tensors) tensor.dispose();
    };
    return {
      prepare: sequence => {
        const next = sequence > 1 ? this.#chunk(first, sequence) : this.#step(first, count);
        if (bound?.first !== next.first || bound.count !== next.count) {
          dispose(caches);
          caches = this.#views(next, ({ past }, tensor) => binding.bindInput(past, tensor), 1);
          bound = next;
        }
        dispose(grid);
        const tokens = Tensor.fromArray(next.tokens, next.shape);
        const places = Tensor.fromArray(next.places, [count, sequence]);
        grid = [tokens, places];
        binding.bindInput('cross_tokens', tokens).bindInput('cross_places', places);
      },
      dispose: () => dispose([...caches, ...grid]),
    };
  }

  arrange(operation: SlotOperation): void {
    switch (operation.kind) {
      case 'copy': {
        const { from, to, begin = 0 } = operation;
        if (begin > 0 || from === to) return;
        this.#release(to);
        this.#places.share(from, to);
        return;
      }
      case 'swap':
        this.#places.exchange(operation.a, operation.b);
        return;
      case 'release':
        if (operation.from === 0) this.#release(operation.slot);
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
    this.#owned.dispose();
    this.#encoder.dispose();
  }

  async #encode({ slot, sound }: SourceEntry): Promise<void> {
    const { bins, frames } = this.traits.sound;
    const place = this.#places.take(slot, other => this.#distance(other));
    if (place === this.#spare) this.#spare = undefined;
    using binding = new IoBinding(this.#encoder);
    using features = Tensor.fromArray(sound!.features, [1, bins, frames]);
    binding.bindInput('input_features', features);
    const range = { first: place, count: 1 };
    const tensors = this.#views(range, ({ present }, tensor) => binding.bindOutput(present, tensor));
    try {
      await this.#encoder.run(binding, this.#runOptions);
    } catch (error) {
      this.#release(slot);
      throw error;
    } finally {
      for (const tensor of tensors) tensor.dispose();
    }
  }

  /** Tensors over some places, for each part of the cache. The caller disposes them. */
  #views(
    { first, count }: Range,
    bind: (part: CachePart, tensor: Tensor) => void,
    ...inner: readonly number[]
  ): readonly Tensor[] {
    return this.#parts.map((part, index) => {
      const { memory, slotBytes } = this.#memory.buffers[index]!;
      const shape = [count, part.heads, ...inner, this.traits.longest, part.headSize];
      const tensor = Tensor.overMemory(memory, first * slotBytes, shape, this.#type);
      bind(part, tensor);
      return tensor;
    });
  }

  /** Several tokens of one slot. */
  #chunk(slot: number, sequence: number): Grid {
    const tokens = BigInt64Array.from({ length: sequence }, (_, i) => BigInt(i));
    return { first: this.#placeOf(slot), count: 1, shape: [1, 1, sequence], tokens, places: tokens };
  }

  /** A token of each of some slots. */
  #step(begin: number, slots: number): Grid {
    const readers = this.#readers(begin, slots);
    const range = rangeOf(readers);
    if (begin === 0) {
      this.#latest = range;
      this.#wasted += range.count - readers.size;
      if (this.#wasted >= PATIENCE) {
        this.#closeGap(range, readers);
        return this.#step(begin, slots);
      }
    }
    const { first, count } = range;
    const apart = Math.max(...[...readers.values()].map(rows => rows.length));
    const tokens = new BigInt64Array(count * apart);
    const places = new BigInt64Array(slots);
    for (const [place, rows] of readers)
      rows.forEach((row, i) => {
        const index = (place - first) * apart + i;
        tokens[index] = BigInt(row);
        places[row] = BigInt(index);
      });
    return { first, count, shape: [count, apart, 1], tokens, places };
  }

  /** The rows of a run, by the places that they read. */
  #readers(begin: number, slots: number): Map<number, number[]> {
    const readers = new Map<number, number[]>();
    for (let row = 0; row < slots; row++) {
      const place = this.#placeOf(begin + row);
      const rows = readers.get(place);
      if (rows === undefined) readers.set(place, [row]);
      else rows.push(row);
    }
    return readers;
  }

  /** Moves the last source that is read before others that are. */
  #closeGap({ first, count }: Range, readers: ReadonlyMap<number, readonly number[]>): void {
    this.#wasted = 0;
    const last = first + count - 1;
    let gap = first;
    while (readers.has(gap)) gap++;
    const { longest } = this.traits;
    if (this.#places.isFree(gap)) this.#memory.moves.copy(last, gap, longest);
    else this.#memory.moves.swap(last, gap, longest);
    this.#places.exchangePlaces(last, gap);
    if (this.#spare === gap) this.#spare = last;
    else if (this.#places.isFree(last)) this.#discard(last);
  }

  /** What of a free place is to be small for it to be taken. */
  #distance(place: number): number {
    if (place === this.#spare) return -1;
    const { first, count } = this.#latest;
    return Math.max(0, first - place, place - (first + count - 1));
  }

  #placeOf(slot: number): number {
    const place = this.#places.of(slot);
    if (place === undefined) throw new Error(`slot ${slot} has no source`);
    return place;
  }

  /** Takes its source from a slot. One place that is then free stays as it is for the next source. */
  #release(slot: number): void {
    const place = this.#places.of(slot);
    this.#places.release(slot);
    if (place === undefined || !this.#places.isFree(place)) return;
    if (this.#spare !== undefined) this.#discard(this.#spare);
    this.#spare = place;
  }

  /** Gives the memory of a place back until it is written again. */
  #discard(place: number): void {
    for (const { memory, slotBytes } of this.#memory.buffers) memory.discard(place * slotBytes, slotBytes);
  }
}

function rangeOf(readers: ReadonlyMap<number, unknown>): Range {
  const places = [...readers.keys()];
  const first = Math.min(...places);
  return { first, count: Math.max(...places) - first + 1 };
}
