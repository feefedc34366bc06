import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Test } from 'tap';
import { openDecoder as open } from '#bench/support/open-decoder.js';
import type { Precision } from '#graph/precision.js';
import type { Decoder, EntryLogits } from '#model/decoder/contract.js';
import { Environment } from '#runtime/index.js';
import { randomIds } from './random-tensors.js';
import { decode, joined, latestTokens, prefill, run } from './run-decoder.js';
import { writeSafetensors, type StoredType, type TestTensors } from './safetensors.js';

/** A model small enough to be written for one test. */
export interface TinyModel {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: TestTensors;
  readonly storedAs?: StoredType;
}

/** Logits of every position of a sequence, in float64. */
export type Reference = (ids: readonly number[]) => number[][];

/** Slots of {@link openDecoder}. */
export const SLOTS = 3;

let environment: Environment | undefined;

/** Writes a Hugging Face folder without a tokenizer. */
export async function writeModel(folder: string, { config, tensors, storedAs }: TinyModel): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
  await writeSafetensors(path.join(folder, 'model.safetensors'), tensors, storedAs);
}

/** Builds and loads a tiny model with {@link SLOTS} slots; it is freed when the test is over. */
export async function openDecoder(t: Test, model: TinyModel, precision: Precision = 'f32'): Promise<Decoder> {
  const folder = t.testdir();
  await writeModel(folder, model);
  environment ??= new Environment({ logLevel: 'fatal' });
  const decoder = await open(environment, folder, SLOTS, precision, { intraOpThreads: 1 });
  t.teardown(() => decoder.dispose());
  return decoder;
}

/** Largest difference from the expected logits, in units of their root mean square. */
export function relativeError(actual: Float32Array, expected: readonly (readonly number[])[]): number {
  const flat = expected.flat();
  if (actual.length !== flat.length) return Infinity;
  const rms = Math.sqrt(flat.reduce((sum, value) => sum + value * value, 0) / flat.length);
  // NaN must not hide behind Math.max.
  return flat.reduce((max, value, i) => {
    const error = Math.abs(actual[i]! - value) / rms;
    return error <= max ? max : error;
  }, 0);
}

/** Cosine of the angle between all logits and the expected ones. */
export function similarity(actual: Float32Array, expected: readonly (readonly number[])[]): number {
  const flat = expected.flat();
  let [product, squareA, squareB] = [0, 0, 0];
  flat.forEach((value, i) => {
    product += actual[i]! * value;
    squareA += actual[i]! ** 2;
    squareB += value ** 2;
  });
  return product / Math.sqrt(squareA * squareB);
}

/** Told what a way to run a decoder gave, and what the reference has. */
export type Compare = (what: string, actual: Float32Array, wanted: readonly (readonly number[])[]) => void;

/**
 * Runs a decoder of {@link SLOTS} slots in every way that the engine does: prompts of every length in one run
 * and in chunks, a prompt and single tokens after it, and a batch of slots filled to different lengths.
 *
 * @param afterBatch told of each step of several slots.
 */
export async function runInEveryWay(
  decoder: Decoder,
  reference: Reference,
  compare: Compare,
  afterBatch: (results: readonly EntryLogits[]) => void = () => undefined,
): Promise<void> {
  const { contextLength, vocabularySize } = decoder.shape;
  const sequences = Array.from({ length: SLOTS }, (_, i) => randomIds(contextLength, vocabularySize, i + 1));
  const expected = sequences.map(reference);
  const [ids, logits] = [sequences[0]!, expected[0]!];

  for (let length = 1; length <= contextLength; length++) {
    const all = await prefill(decoder, 0, ids.slice(0, length), 0, 'all');
    compare(`prompt of ${length}`, all, logits.slice(0, length));
  }
  compare('only the last position', await prefill(decoder, 1, ids, 0, 'last'), logits.slice(-1));
  compare('no position', await prefill(decoder, 1, ids, 0, 'none'), []);

  for (let begin = 0, size = 1; begin < contextLength; begin += size, size = (size % 7) + 2) {
    const end = Math.min(begin + size, contextLength);
    const chunk = await prefill(decoder, 2, ids.slice(begin, end), begin, 'all');
    compare(`chunk ${begin} to ${end}`, chunk, logits.slice(begin, end));
  }

  const half = contextLength >> 1;
  await prefill(decoder, 0, ids.slice(0, half), 0, 'none');
  for (let position = half; position < contextLength; position++)
    compare(`token ${position}`, await decode(decoder, [ids[position]!], [position]), [logits[position]!]);

  const cached = [3, half + 2, 1];
  const prompts = cached.map((length, slot) => ({
    slot,
    ids: sequences[slot]!.slice(0, length),
    computed: 0,
    wanted: 'last' as const,
  }));
  const ends = cached.map((length, slot) => expected[slot]![length - 1]!);
  compare('prompts of several lengths in one call', logitsOf(await run(decoder, prompts)), ends);
  compare(
    'all positions of prompts in one call',
    logitsOf(
      await run(
        decoder,
        prompts.map(entry => ({ ...entry, wanted: 'all' as const })),
      ),
    ),
    cached.flatMap((length, slot) => expected[slot]!.slice(0, length)),
  );
  while (Math.max(...cached) < contextLength) {
    const tokens = cached.map((position, slot) => sequences[slot]![position]!);
    const wanted = cached.map((position, slot) => expected[slot]![position]!);
    const batch = await run(decoder, latestTokens(tokens, cached));
    compare(`batch at ${cached.join(', ')}`, logitsOf(batch), wanted);
    afterBatch(batch);
    cached.forEach((_, slot) => cached[slot]!++);
  }
}

function logitsOf(results: readonly EntryLogits[]): Float32Array {
  return joined(results.map(({ logits }) => logits));
}

/**
 * Runs a decoder in every way that the engine does, and compares all logits with the reference, and the
 * largest ones of blocks with the logits.
 */
export async function checkDecoder(
  t: Test,
  decoder: Decoder,
  reference: Reference,
  tolerance = 1e-4,
): Promise<void> {
  const compare: Compare = (what, actual, wanted) => {
    if (wanted.length === 0) {
      t.equal(actual.length, 0, what);
      return;
    }
    const error = relativeError(actual, wanted);
    t.ok(error <= tolerance, `${what}: relative error ${error.toExponential(1)}`);
  };
  t.ok(decoder.traits.wholePrompts, 'prompts can be run together');
  await runInEveryWay(decoder, reference, compare, results => {
    for (const { logits, maxima } of results)
      if (maxima !== undefined)
        t.same(maxima, blockMaxima(logits, maxima.length / logits.length), 'the largest of each block');
  });
}

/** @param share blocks per logit. */
function blockMaxima(logits: Float32Array, share: number): Float32Array {
  const size = 1 / share;
  return Float32Array.from({ length: logits.length * share }, (_, block) =>
    logits.subarray(block * size, (block + 1) * size).reduce((a, b) => Math.max(a, b)),
  );
}
