import type { Test } from 'tap';
import { loadEncoderGraph, type EncoderOptions } from '#model/encoder/load-encoder.js';
import type { Encoder, EncoderInput, EncoderOutput } from '#model/encoder/contract.js';
import { Environment } from '#runtime/index.js';
import { writeModel, type TinyModel } from './check-decoder.js';
import { randomIds } from './random-tensors.js';

let environment: Environment | undefined;

/** Builds and loads an encoder's folder; it is freed when the test is over. */
export async function openEncoder(t: Test, folder: string, options: EncoderOptions = {}): Promise<Encoder> {
  environment ??= new Environment({ logLevel: 'fatal' });
  const session = { intraOpThreads: 1 };
  const { encoder } = await loadEncoderGraph(environment, folder, { session, ...options });
  t.teardown(() => encoder.dispose());
  return encoder;
}

/** Writes, builds and loads a tiny model. */
export async function openTinyEncoder(
  t: Test,
  model: TinyModel,
  options: EncoderOptions = {},
): Promise<Encoder> {
  const folder = t.testdir();
  await writeModel(folder, model);
  return openEncoder(t, folder, options);
}

/** What a reference says of one text, in float64: its result's rows. */
export type EncoderReference = (input: EncoderInput) => number[][];

/** Texts of given lengths with random ids, segments and wanted positions. */
export function randomInputs(lengths: readonly number[], vocabularySize: number, seed = 1): EncoderInput[] {
  return lengths.map((length, i) => ({
    ids: randomIds(length, vocabularySize, seed * 1000 + i),
    typeIds: randomIds(length, 2, seed * 1000 + 500 + i),
    positions: [length - 1, length >> 1],
  }));
}

/**
 * Runs batches with padding of every kind, as far as texts may be that long, and compares all results with
 * the reference.
 */
export async function checkEncoder(
  t: Test,
  encoder: Encoder,
  reference: EncoderReference,
  tolerance = 1e-4,
): Promise<void> {
  const batches = [
    [1],
    [7],
    [encoder.contextLength],
    [5, 5, 5],
    [1, 12, 3],
    [30, 2, 17, 1, 9],
    [4, encoder.contextLength, 1],
  ];
  for (const [seed, wanted] of batches.entries()) {
    const lengths = wanted.map(length => Math.min(length, encoder.contextLength));
    const inputs = randomInputs(lengths, encoder.vocabularySize, seed + 1);
    const outputs = await encoder.run(inputs);
    t.equal(outputs.length, inputs.length);
    outputs.forEach((output, i) => {
      const error = outputError(output, reference(inputs[i]!));
      t.ok(
        error <= tolerance,
        `text ${i} of ${lengths.join(', ')}: relative error ${error.toExponential(1)}`,
      );
    });
  }
}

/**
 * Largest difference, in units of the expected values' root mean square; infinite where the shapes differ.
 */
export function outputError(actual: EncoderOutput, expected: readonly (readonly number[])[]): number {
  if (actual.rows !== expected.length || actual.width !== expected[0]?.length) return Infinity;
  const flat = expected.flat();
  const rms = Math.sqrt(flat.reduce((sum, value) => sum + value * value, 0) / flat.length);
  // NaN must not hide behind Math.max.
  return flat.reduce((max, value, i) => {
    const error = Math.abs(actual.values[i]! - value) / rms;
    return error <= max ? max : error;
  }, 0);
}
