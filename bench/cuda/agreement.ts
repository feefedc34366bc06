/**
 * Part of `bench/cuda.ts`: how far a device's logits are from what each architecture's formulas give in float64, on a tiny model of every
 * architecture: a whole prompt, chunks of it, prompts of several lengths together, and batches of slots filled to different lengths.
 *
 * Arguments: device, precision, kind of cache. Prints JSON: for each architecture the largest error, in units of the logits' root mean
 * square, or why there is none.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CacheKind } from '../../src/graph/cache-kind.js';
import type { Precision } from '../../src/graph/precision.js';
import type { Decoder } from '../../src/model/decoder.js';
import { loadDecoder } from '../../src/model/load-decoder.js';
import { Environment, openDevice } from '../../src/runtime/index.js';
import { relativeError, writeModel, type Reference } from '../../test/support/check-decoder.js';
import { MODELS } from '../../test/support/models/index.js';
import { randomIds } from '../../test/support/random-tensors.js';
import { median } from '../support/statistics.js';

const SLOTS = 3;

export interface Agreement {
  readonly model: string;
  /** Undefined where the model could not be run. */
  readonly error: number | undefined;
  /** By which way to run it. */
  readonly where?: string;
  /** The median of all ways: some experts' choice may turn over by rounding, which is a large error, but seldom. */
  readonly median?: number;
  readonly why?: string;
}

/** The largest error of all ways to run a decoder. */
async function largestError(
  decoder: Decoder,
  reference: Reference,
): Promise<{ error: number; where: string; median: number }> {
  const { contextLength, vocabularySize } = decoder.shape;
  const sequences = Array.from({ length: SLOTS }, (_, i) => randomIds(contextLength, vocabularySize, i + 1));
  const expected = sequences.map(reference);
  const [ids, logits] = [sequences[0]!, expected[0]!];
  let largest = { error: 0, where: '' };
  const errors: number[] = [];
  const compare = (where: string, actual: Float32Array, wanted: readonly (readonly number[])[]): void => {
    const error = relativeError(actual, wanted);
    errors.push(error);
    // NaN must not hide behind Math.max.
    if (!(error <= largest.error)) largest = { error, where };
  };
  compare('a whole prompt', await decoder.prefill(0, ids, 0, 'all'), logits);
  for (let begin = 0, size = 1; begin < contextLength; begin += size, size = (size % 7) + 2) {
    const end = Math.min(begin + size, contextLength);
    const chunk = await decoder.prefill(2, ids.slice(begin, end), begin, 'all');
    compare(`a chunk from ${begin}`, chunk, logits.slice(begin, end));
  }
  const cached = [3, (contextLength >> 1) + 2, 1];
  const prompts = cached.map((length, slot) => sequences[slot]!.slice(0, length));
  for (const [slot, prompt] of prompts.entries())
    if (decoder.prefillTogether === undefined) await decoder.prefill(slot, prompt, 0, 'none');
  if (decoder.prefillTogether !== undefined)
    compare(
      'prompts together',
      await decoder.prefillTogether(0, prompts),
      cached.map((length, slot) => expected[slot]![length - 1]!),
    );
  // A slot's neighbours come and go.
  decoder.swapSlots(0, 1, Math.max(...cached));
  decoder.swapSlots(0, 1, Math.max(...cached));
  while (Math.max(...cached) < contextLength) {
    const batch = await decoder.decode(
      cached.map((position, slot) => sequences[slot]![position]!),
      cached,
    );
    compare(
      `a batch at ${cached.join(', ')}`,
      batch,
      cached.map((position, slot) => expected[slot]![position]!),
    );
    cached.forEach((_, slot) => cached[slot]!++);
  }
  return { ...largest, median: median(errors) };
}

const [deviceName, precision, cache] = process.argv.slice(2) as [string, Precision, CacheKind];
const device = openDevice(deviceName, {}, () => undefined);
const environment = new Environment({ logLevel: 'fatal' });
const results: Agreement[] = [];
for (const model of MODELS) {
  const folder = await mkdtemp(join(tmpdir(), 'kvasir-agreement-'));
  try {
    await writeModel(folder, model);
    const { decoder } = await loadDecoder(environment, folder, {
      slots: SLOTS,
      precision,
      cache,
      session: { device, intraOpThreads: 1 },
    });
    try {
      results.push({ model: model.name, ...(await largestError(decoder, model.reference)) });
    } finally {
      decoder.dispose();
    }
  } catch (error) {
    results.push({ model: model.name, error: undefined, why: (error as Error).message });
  } finally {
    await rm(folder, { recursive: true });
  }
}
console.log(JSON.stringify(results));
