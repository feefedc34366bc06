import { buildSeq2Seq, type BuiltSeq2Seq } from '#graph/build-seq2seq.js';
import type { BuildOptions } from '#graph/build.js';
import { IoBinding, RunOptions, Tensor, type Session } from '#runtime/index.js';
import { loadGraph } from './run-graph.js';

/** Added to the scores behind a source in a run with several tokens. */
const SHUT_OUT = -1e9;

/** An encoder-decoder's graphs with caches of a few slots, run as plainly as can be. */
export class Seq2SeqGraphs {
  readonly built: BuiltSeq2Seq;
  readonly #encoder: Session;
  readonly #decoder: Session;
  readonly #slots: number;
  readonly #capacity: number;
  /** By layer, keys before values: `[slots, heads, capacity, head]`. */
  readonly #cross: Float32Array[];
  readonly #self: Float32Array[];
  readonly #sourceLengths: number[] = [];

  private constructor(built: BuiltSeq2Seq, encoder: Session, decoder: Session, slots: number) {
    this.built = built;
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.#slots = slots;
    const { heads, decoderLayers, sourceLength, contextLength } = built.sizes;
    // A run with several tokens reads so much behind its source.
    this.#capacity = Math.max(sourceLength, contextLength) + contextLength - 1;
    const elements = slots * heads * this.#capacity * built.cacheHeadSize;
    const caches = (): Float32Array[] =>
      Array.from({ length: 2 * decoderLayers }, () => new Float32Array(elements));
    this.#cross = caches();
    this.#self = caches();
  }

  static async open(folder: string, slots: number, options: BuildOptions = {}): Promise<Seq2SeqGraphs> {
    const built = await buildSeq2Seq(folder, options);
    const [encoder, decoder] = [await loadGraph(built.encoderPath), await loadGraph(built.decoderPath)];
    return new Seq2SeqGraphs(built, encoder, decoder, slots);
  }

  /** Writes a value into all that the caches hold behind each slot's source, and before and behind its text. */
  spoil(value: number): void {
    for (const cache of this.#self) cache.fill(value);
    const { heads } = this.built.sizes;
    const size = this.built.cacheHeadSize;
    for (const cache of this.#cross)
      for (let slot = 0; slot < this.#slots; slot++)
        for (let head = 0; head < heads; head++) {
          const begin = (slot * heads + head) * this.#capacity;
          cache.fill(
            value,
            (begin + (this.#sourceLengths[slot] ?? 0)) * size,
            (begin + this.#capacity) * size,
          );
        }
  }

  /**
   * Encodes sources into the slots from a first one on.
   *
   * @param padding the id that fills shorter ones up.
   */
  async encode(first: number, sources: readonly (readonly number[])[], padding = 0): Promise<void> {
    const longest = Math.max(...sources.map(source => source.length));
    const ids = sources.flatMap(source => [
      ...source,
      ...Array<number>(longest - source.length).fill(padding),
    ]);
    const binding = new IoBinding(this.#encoder);
    binding.bindInput('input_ids', int64(ids, [sources.length, longest]));
    binding.bindInput(
      'lengths',
      int32(
        sources.map(source => source.length),
        [sources.length],
      ),
    );
    this.#bind(binding, ['cross', 'kept'], this.#cross, first, sources.length);
    await run(this.#encoder, binding);
    sources.forEach((source, i) => (this.#sourceLengths[first + i] = source.length));
  }

  /**
   * Runs tokens of the slots from a first one on: as many of each, and several only of one.
   *
   * @param cached positions that each slot holds already.
   * @returns the logits of all tokens, `[slots × tokens, vocabulary]`
   */
  async decode(
    first: number,
    rows: readonly (readonly number[])[],
    cached: readonly number[],
  ): Promise<Float32Array> {
    const [batch, sequence] = [rows.length, rows[0]!.length];
    const last = cached.map(length => length + sequence - 1);
    const sources = this.#sourceLengths.slice(first, first + batch);
    const lastOfSource = sources.map(length => length + sequence - 2);
    const longest = Math.max(...lastOfSource) + 1;
    const bias = Float32Array.from({ length: sequence * longest }, (_, i) =>
      sequence > 1 && i % longest >= sources[0]! ? SHUT_OUT : 0,
    );
    const positions = Array.from({ length: batch * sequence }, (_, i) => i);
    const { vocabularySize } = this.built.sizes;
    const logits = new Float32Array(positions.length * vocabularySize);
    const binding = new IoBinding(this.#decoder)
      .bindInput('input_ids', int64(rows.flat(), [batch, sequence]))
      .bindInput('seqlens_k', int32(last, [batch]))
      .bindInput('total_sequence_length', int32([Math.max(...last) + 1], []))
      .bindInput('cross_seqlens_k', int32(lastOfSource, [batch]))
      .bindInput('cross_total', int32([longest], []))
      .bindInput('cross_bias', Tensor.fromArray(bias, [1, 1, sequence, longest]))
      .bindInput('logits_positions', int64(positions, [positions.length]))
      .bindOutput('logits', Tensor.fromArray(logits, [positions.length, vocabularySize]));
    const maxima = this.#decoder.outputs.find(({ name }) => name === 'logits_maxima');
    if (maxima !== undefined) {
      const blocks = Number(maxima.shape.at(-1));
      const values = new Float32Array(positions.length * blocks);
      binding.bindOutput('logits_maxima', Tensor.fromArray(values, [positions.length, blocks]));
    }
    this.#bind(binding, ['past', 'present'], this.#self, first, batch);
    this.#bind(binding, ['cross', 'kept'], this.#cross, first, batch);
    await run(this.#decoder, binding);
    return logits;
  }

  dispose(): void {
    this.#encoder.dispose();
    this.#decoder.dispose();
  }

  #bind(
    binding: IoBinding,
    [input, output]: readonly [string, string],
    caches: readonly Float32Array[],
    first: number,
    batch: number,
  ): void {
    const { heads } = this.built.sizes;
    const shape = [batch, heads, this.#capacity, this.built.cacheHeadSize];
    const size = heads * this.#capacity * this.built.cacheHeadSize;
    caches.forEach((cache, i) => {
      const name = `${Math.floor(i / 2)}.${i % 2 === 0 ? 'key' : 'value'}`;
      const tensor = Tensor.fromArray(cache.subarray(first * size, (first + batch) * size), shape);
      binding.bindInput(`${input}.${name}`, tensor).bindOutput(`${output}.${name}`, tensor);
    });
  }
}

async function run(session: Session, binding: IoBinding): Promise<void> {
  using options = new RunOptions();
  try {
    await session.run(binding, options);
  } finally {
    binding.dispose();
  }
}

function int64(values: readonly number[], shape: readonly number[]): Tensor {
  return Tensor.fromArray(BigInt64Array.from(values, BigInt), shape);
}

function int32(values: readonly number[], shape: readonly number[]): Tensor {
  return Tensor.fromArray(Int32Array.from(values), shape);
}
