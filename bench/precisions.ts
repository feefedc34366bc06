/**
 * Speed of a decoder by precision: decode tokens/s of 1 and 8 sequences, and prefill tokens/s of a prompt of 512, in the shape of
 * SmolLM2-135M. Precisions take turns in every round.
 *
 * Run: `npm run build && node dist/bench/precisions.js`
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Precision } from '#graph/precision.js';
import type { Decoder } from '#model/decoder/contract.js';
import { Environment } from '#runtime/index.js';
import { openDecoder } from './support/open-decoder.js';
import { SMOLLM2_135M, writeRandomLlama } from './support/random-model.js';
import { median } from './support/statistics.js';
import { latestTokens, prefill, run } from '#test/support/run-decoder.js';

/** f16 is left out: the processor's kernels widen its weights in every run. */
const PRECISIONS: readonly Precision[] = ['f32', 'int8', 'w8a8', 'int4'];
const ROUNDS = 7;
const STEPS = 16;
const PROMPT = 512;
/** Filled positions of a decoded sequence. */
const PAST = 64;

async function decodeRate(decoder: Decoder, rows: number): Promise<number> {
  const ids = Array.from({ length: rows }, (_, row) => 300 + row);
  const started = performance.now();
  for (let i = 0; i < STEPS; i++)
    await run(
      decoder,
      latestTokens(
        ids,
        ids.map(() => PAST + i),
      ),
    );
  return (rows * STEPS * 1000) / (performance.now() - started);
}

async function prefillRate(decoder: Decoder): Promise<number> {
  const ids = Array.from({ length: PROMPT }, (_, i) => 300 + i);
  const started = performance.now();
  await prefill(decoder, 0, ids, 0, 'last');
  return (PROMPT * 1000) / (performance.now() - started);
}

const MEASURES: Record<string, (decoder: Decoder) => Promise<number>> = {
  'decode 1': decoder => decodeRate(decoder, 1),
  'decode 8': decoder => decodeRate(decoder, 8),
  'prefill 512': prefillRate,
};

const folder = await writeRandomLlama(join(tmpdir(), 'kvasir-bench-smollm2-135m'), SMOLLM2_135M);
const environment = new Environment();
const decoders: Decoder[] = [];
for (const precision of PRECISIONS) {
  const started = performance.now();
  decoders.push(await openDecoder(environment, folder, 8, precision));
  console.log(
    `${precision}: built or found, and loaded in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
}
for (const [name, measure] of Object.entries(MEASURES)) {
  const rates = decoders.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, decoder] of decoders.entries()) {
      const rate = await measure(decoder);
      if (round > 0) rates[i]!.push(rate);
    }
  }
  console.log(`${name}, tokens/s: fastest, median`);
  for (const [i, precision] of PRECISIONS.entries()) {
    const cells = [Math.max(...rates[i]!), median(rates[i]!)].map(rate => rate.toFixed(1).padStart(9));
    console.log(`  ${precision.padEnd(6)} ${cells.join('')}`);
  }
}
for (const decoder of decoders) decoder.dispose();
