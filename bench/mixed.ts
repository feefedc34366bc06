/**
 * Chunks of prompts beside rows that decode: in a run of their own, and in one that both share. Taking turns, by
 * the least of some runs, in the shape of SmolLM2-135M.
 *
 * Run: `npm run build && node dist/bench/mixed.js [precisions [rows]]`
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Precision } from '#graph/precision.js';
import type { BatchEntry, Decoder } from '#model/decoder/contract.js';
import { Environment } from '#runtime/index.js';
import { openDecoder } from './support/open-decoder.js';
import { SMOLLM2_135M, writeRandomLlama } from './support/random-model.js';
import { latestTokens, run } from '#test/support/run-decoder.js';

const precisions = (process.argv[2] ?? 'f32,w8a8').split(',') as Precision[];
const rows = Number(process.argv[3] ?? 16);
const ROUNDS = 10;
/** Positions that each row has filled, and tokens of the chunk. */
const LOADS = [
  [64, 16],
  [64, 48],
  [64, 112],
  [256, 112],
  [256, 240],
  [512, 496],
] as const;

const folder = await writeRandomLlama(join(tmpdir(), 'kvasir-bench', 'smollm2-135m'), SMOLLM2_135M);
const environment = new Environment();
const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => 300 + ((i * 7919) % 40_000));

async function milliseconds(decoder: Decoder, entries: readonly BatchEntry[]): Promise<number> {
  const began = performance.now();
  await run(decoder, entries);
  return performance.now() - began;
}

for (const precision of precisions) {
  const open = (mixes: boolean): Promise<Decoder> =>
    openDecoder(environment, folder, rows + 1, precision, {}, mixes);
  const decoders = [await open(false), await open(true)] as const;
  console.log(`\n| ${precision}, ms: ${rows} rows that decode at | chunk | two runs | one | times |`);
  console.log('| --: | --: | --: | --: | --: |');
  for (const [past, tokens] of LOADS) {
    const filled = Array.from({ length: rows }, (_, slot): BatchEntry => {
      return { slot, ids: ids(past), computed: 0, wanted: 'none' };
    });
    for (const decoder of decoders) await run(decoder, filled);
    const latest = latestTokens(
      filled.map(() => 300),
      filled.map(() => past),
    );
    const chunk: BatchEntry = { slot: rows, ids: ids(tokens), computed: 0, wanted: 'last' };
    const least = [Infinity, Infinity];
    for (let round = 0; round < ROUNDS; round++)
      for (const [side, decoder] of decoders.entries())
        least[side] = Math.min(least[side]!, await milliseconds(decoder, [...latest, chunk]));
    const [two, one] = least as [number, number];
    console.log(
      `| ${past} | ${tokens} | ${two.toFixed(1)} | ${one.toFixed(1)} | ${(two / one).toFixed(2)} |`,
    );
  }
  for (const decoder of decoders) decoder.dispose();
}
