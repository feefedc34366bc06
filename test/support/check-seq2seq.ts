import type { Test } from 'tap';
import type { Precision } from '#graph/precision.js';
import { isWaveform } from '#graph/assembly/seq2seq/sound-shape.js';
import type { Decoder, SourceEntry, SourceTraits, WaveformShape } from '#model/decoder/contract.js';
import { loadSeq2Seq } from '#model/decoder/load-seq2seq.js';
import { Environment } from '#runtime/index.js';
import type { Seq2SeqReference } from '#test/reference/seq2seq.js';
import { relativeError, SLOTS, writeModel, type TinyModel } from './check-decoder.js';
import { randomIds } from './random-tensors.js';
import { decode, prefill, run } from './run-decoder.js';

let environment: Environment | undefined;

/** Builds and loads an encoder-decoder's folder; it is freed when the test is over. */
export async function openSeq2Seq(
  t: Test,
  folder: string,
  precision: Precision = 'f32',
  slots = SLOTS,
  contextLength?: number,
): Promise<Decoder> {
  environment ??= new Environment({ logLevel: 'fatal' });
  const session = { intraOpThreads: 1 };
  const { decoder } = await loadSeq2Seq(environment, folder, { precision, slots, contextLength, session });
  t.teardown(() => decoder.dispose());
  return decoder;
}

/** Writes, builds and loads a tiny model. */
export async function openTinySeq2Seq(t: Test, model: TinyModel, precision?: Precision): Promise<Decoder> {
  const folder = t.testdir();
  await writeModel(folder, model);
  return openSeq2Seq(t, folder, precision);
}

/**
 * Encodes sources.
 *
 * @throws the first error among the results.
 */
export async function encode(decoder: Decoder, entries: readonly SourceEntry[]): Promise<void> {
  const { results } = await decoder.encode!(entries);
  for (const result of results) if (result !== undefined) throw result.error;
}

/**
 * A source of random tokens, or of features in the usual range.
 *
 * @param length in tokens or positions; windows of sound have one length.
 */
export function randomSource(
  { vocabularySize, sound }: SourceTraits,
  length: number,
  seed: number,
): readonly number[] {
  if (sound === undefined) return randomIds(length, vocabularySize, seed);
  const size = isWaveform(sound) ? samplesOf(sound, length) : sound.bins * sound.frames;
  return randomIds(size, 2001, seed).map(value => Math.fround(value / 1000 - 1));
}

/** Samples that make so many positions, as few as there may be. */
function samplesOf({ shortest, positions }: WaveformShape, length: number): number {
  let samples = shortest;
  while (positions(samples) < length) samples++;
  return samples;
}

/** What a slot reads of a source of {@link randomSource}. */
export function sourceEntry({ sound }: SourceTraits, slot: number, source: readonly number[]): SourceEntry {
  if (sound === undefined) return { slot, ids: source };
  const features = Float32Array.from(source);
  return { slot, ids: [], sound: { key: `${source[0]}`, features } };
}

/** A source, a target of the longest length, and its logits by the formulas. */
interface Pair {
  readonly source: readonly number[];
  readonly target: readonly number[];
  readonly logits: readonly (readonly number[])[];
}

/**
 * Runs a decoder of {@link SLOTS} slots in every way that the engine does, and compares all logits with the
 * reference: sources of every kind of length alone and together, in slots that held longer ones, copied and
 * exchanged; targets in one run, in chunks, and token by token beside others.
 *
 * @param longest positions of the longest source; default: as many as the decoder takes.
 */
export async function checkSeq2Seq(
  t: Test,
  decoder: Decoder,
  reference: Seq2SeqReference,
  tolerance = 1e-4,
  longest = decoder.source!.longest,
): Promise<void> {
  const { contextLength, vocabularySize } = decoder.shape;
  const traits = decoder.source!;
  const pairs = [longest, 1, 7, longest - 1].map((length, seed): Pair => {
    const source = randomSource(traits, length, 100 + seed);
    const target = randomIds(contextLength, vocabularySize, 200 + seed);
    return { source, target, logits: reference.decode(reference.encode(source), target) };
  });
  const compare = (what: string, actual: Float32Array, wanted: readonly (readonly number[])[]): void => {
    const error = relativeError(actual, wanted);
    t.ok(error <= tolerance, `${what}: relative error ${error.toExponential(1)}`);
  };
  const [full, single, middle, other] = pairs as [Pair, Pair, Pair, Pair];
  const together = [full, single, middle];
  const entries = (several: readonly Pair[]): SourceEntry[] =>
    several.map(({ source }, slot) => sourceEntry(traits, slot, source));

  await encode(decoder, entries(together));
  for (const [slot, { target, logits }] of together.entries()) {
    compare(`a target at once, slot ${slot}`, await prefill(decoder, slot, target, 0, 'all'), logits);
    for (let begin = 0, size = 1; begin < contextLength; begin += size, size = (size % 7) + 2) {
      const end = Math.min(begin + size, contextLength);
      const chunk = await prefill(decoder, slot, target.slice(begin, end), begin, 'all');
      compare(`chunk ${begin} to ${end}, slot ${slot}`, chunk, logits.slice(begin, end));
    }
  }

  /** Single tokens of all slots, from the given positions on, while all have some left. */
  const decodeRagged = async (what: string, several: readonly Pair[], begins: number[]): Promise<void> => {
    const positions = [...begins];
    while (Math.max(...positions) < contextLength) {
      const tokens = positions.map((position, slot) => several[slot]!.target[position]!);
      const wanted = positions.map((position, slot) => several[slot]!.logits[position]!);
      compare(`${what}, at ${positions.join(', ')}`, await decode(decoder, tokens, positions), wanted);
      positions.forEach((_, slot) => positions[slot]!++);
    }
  };
  await decodeRagged('from the beginning', together, [0, 0, 0]);
  await decodeRagged('ragged', together, [contextLength - 2, 3, contextLength >> 1]);

  const [short, long] = [3, (contextLength >> 1) + 1];
  decoder.arrange({ kind: 'swap', a: 0, b: 1, length: contextLength });
  decoder.arrange({ kind: 'copy', from: 0, to: 2, length: long });
  await decodeRagged('after an exchange and a copy', [single, full, single], [long, short, long]);

  // As a beam that differs from its new parent in its last tokens.
  const strayed = [...single.target.slice(0, short), ...middle.target.slice(short, long)];
  await run(decoder, [{ slot: 2, ids: strayed, computed: 0, wanted: 'none' }]);
  decoder.arrange({ kind: 'copy', from: 0, to: 2, length: long, begin: short });
  await decodeRagged('after the copy of a part', [single, full, single], [long, long, long]);

  for (const slot of [0, 1, 2]) decoder.arrange({ kind: 'release', slot, from: 0 });
  await encode(decoder, [sourceEntry(traits, 1, other.source)]);
  await encode(decoder, [sourceEntry(traits, 0, middle.source), sourceEntry(traits, 2, single.source)]);
  const renewed = [middle, other, single];
  await decodeRagged('new sources in old slots', renewed, [0, 0, 0]);
  const again = await prefill(decoder, 0, middle.target, 0, 'all');
  compare('a target at once, in a slot of a longer source', again, middle.logits);
}
