/**
 * What drawing a token costs, by vocabulary and parameters, where the largest logit of each block is known, as graphs tell it, and where it
 * is not, as after penalties. Logits are normally distributed: flat ones, and more peaked ones.
 *
 * Run: `npm run build && node dist/bench/sampling.js`
 */
import { seededRandom, type Random } from '#test/support/seeded-random.js';
import { Noise } from '#engine/sampling/noise.js';
import { Sampler } from '#engine/sampling/sampler.js';
import type { SamplingParameters } from '#engine/types.js';
import { GREEDY } from '#test/support/generation-request.js';
import { median } from './support/statistics.js';

const VOCABULARIES = [49_152, 128_256];
const BLOCK = 128;
const ROWS = 16;
const ROUNDS = 7;
const CASES: Readonly<Record<string, Partial<SamplingParameters>>> = {
  greedy: { temperature: 0 },
  'temperature 1': {},
  'temperature 0.7, top-k 40': { temperature: 0.7, topK: 40 },
  'temperature 0.7, top-p 0.95': { temperature: 0.7, topP: 0.95 },
  'temperature 0.7, min-p 0.05': { temperature: 0.7, minP: 0.05 },
};

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Microseconds of a draw. */
function time(draw: (row: number) => void): number {
  const began = performance.now();
  for (let row = 0; row < ROWS; row++) draw(row);
  return ((performance.now() - began) * 1000) / ROWS;
}

const random = seededRandom(1);
console.log('| vocabulary | logits | drawn with | µs | without blocks, µs |');
console.log('| --: | --- | --- | --: | --: |');
for (const vocabulary of VOCABULARIES)
  for (const [shape, deviation] of [
    ['flat', 2],
    ['peaked', 4],
  ] as const) {
    const rows = Array.from({ length: ROWS }, () =>
      Float32Array.from({ length: vocabulary }, () => deviation * normal(random)),
    );
    const maxima = rows.map(row =>
      Float32Array.from({ length: vocabulary / BLOCK }, (_, block) =>
        row.subarray(block * BLOCK, (block + 1) * BLOCK).reduce((a, b) => Math.max(a, b)),
      ),
    );
    const sampler = new Sampler(vocabulary);
    const noise = new Noise(1);
    let step = 0;
    for (const [name, parameters] of Object.entries(CASES)) {
      const sampling = { ...GREEDY, temperature: 1, ...parameters };
      const [known, unknown]: [number[], number[]] = [[], []];
      for (let round = 0; round <= ROUNDS; round++) {
        const times = [
          time(row => sampler.sample(rows[row]!, sampling, noise.begin(step++), maxima[row])),
          time(row => sampler.sample(rows[row]!, sampling, noise.begin(step++))),
        ];
        // The first round compiles.
        if (round === 0) continue;
        known.push(times[0]!);
        unknown.push(times[1]!);
      }
      const figures = [known, unknown].map(times => median(times).toFixed(0));
      console.log(`| ${vocabulary} | ${shape} | ${name} | ${figures.join(' | ')} |`);
    }
  }
