/**
 * Part of `bench/cuda.ts`: how far a device's logits are from what each architecture's formulas give in float64, on a tiny model of every
 * architecture, in every way that the engine runs it.
 *
 * Arguments: device, precision, kind of cache. Prints JSON: for each architecture the largest error, in units of the logits' root mean
 * square, or why there is none.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CacheKind } from '#graph/cache-kind.js';
import type { Precision } from '#graph/precision.js';
import type { Decoder } from '#model/decoder/contract.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import { Environment, openDevice } from '#runtime/index.js';
import {
  relativeError,
  runInEveryWay,
  SLOTS,
  writeModel,
  type Reference,
} from '#test/support/check-decoder.js';
import { MODELS } from '#test/support/models/index.js';
import { median } from '../support/statistics.js';

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

/** The errors of all ways to run a decoder. */
async function errorsOf(decoder: Decoder, reference: Reference): Promise<Omit<Agreement, 'model'>> {
  let largest = { error: 0, where: '' };
  const errors: number[] = [];
  await runInEveryWay(decoder, reference, (where, actual, wanted) => {
    if (wanted.length === 0) return;
    const error = relativeError(actual, wanted);
    errors.push(error);
    // NaN must not hide behind Math.max.
    if (!(error <= largest.error)) largest = { error, where };
  });
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
      results.push({ model: model.name, ...(await errorsOf(decoder, model.reference)) });
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
