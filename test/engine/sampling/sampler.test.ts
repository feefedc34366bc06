import t from 'tap';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { seededRandom } from '#test/support/seeded-random.js';
import { Noise } from '#engine/sampling/noise.js';
import { argmax } from '#engine/sampling/argmax.js';
import { Sampler } from '#engine/sampling/sampler.js';
import type { SamplingParameters } from '#engine/types.js';
import { bucketOf, BUCKETS, BUCKETS_OF_1, NEGLIGIBLE, expWeight } from '#engine/sampling/fast-exp.js';
import { runs } from '#test/support/property-runs.js';
import { GREEDY } from '#test/support/generation-request.js';

const plain: SamplingParameters = { ...GREEDY, temperature: 1 };

/** The distribution to sample from, by the definitions, in float64 and with a full sort. */
function reference(
  logits: readonly number[],
  { temperature, topK, topP, minP }: SamplingParameters,
): number[] {
  const scaled = logits.map(logit => logit / temperature);
  const max = Math.max(...scaled);
  const weights = scaled.map(logit => Math.exp(logit - max));
  let kept = weights.map((_, id) => id).filter(id => weights[id]! >= minP * (1 - 1e-12));
  kept.sort((a, b) => weights[b]! - weights[a]! || a - b);
  if (topK > 0) kept = kept.slice(0, topK);
  const total = kept.reduce((sum, id) => sum + weights[id]!, 0);
  const nucleus: number[] = [];
  let sum = 0;
  for (const id of kept) {
    if (topP < 1 && sum >= topP * total) break;
    nucleus.push(id);
    sum += weights[id]!;
  }
  return weights.map((weight, id) => (nucleus.includes(id) ? weight / sum : 0));
}

function frequencies(logits: readonly number[], sampling: SamplingParameters, draws: number): number[] {
  const sampler = new Sampler(logits.length);
  const noise = new Noise(7);
  const counts = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < draws; i++)
    counts[sampler.sample(Float32Array.from(logits), sampling, noise.begin(i))]!++;
  return counts.map(count => count / draws);
}

t.test('temperature 0 takes the most probable token, the first of equal ones', async t => {
  const logits = Float32Array.of(1, 5, 5, 2);
  t.equal(new Sampler(4).sample(logits, { ...plain, temperature: 0 }, new Noise(1)), 1);
  t.equal(argmax(Float32Array.of(NaN, -3, -2)), 2, 'NaN never wins');
  t.equal(argmax(Float32Array.of(1, NaN, 7, -0, Infinity, 3, 1, 1, 1)), 4);
});

t.test('finds the largest of any values, whole or by blocks', async () => {
  const value = fc.oneof(
    fc.float({ noNaN: true }),
    fc.constantFrom(0, -0, 1, -1, Infinity, -Infinity, 1e-45, -1e-45),
  );
  const blocks = fc.array(fc.float32Array({ minLength: 16, maxLength: 16, noNaN: true }), {
    minLength: 1,
    maxLength: 9,
  });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 70 }), numbers => {
      const values = Float32Array.from(numbers);
      const largest = values.reduce((a, b) => Math.max(a, b));
      assert.equal(
        argmax(values),
        values.findIndex(x => x === largest),
      );
    }),
    runs(100),
  );
  fc.assert(
    fc.property(blocks, parts => {
      const values = Float32Array.from(parts.flatMap(part => [...part]));
      const maxima = Float32Array.from(parts, part => part.reduce((a, b) => Math.max(a, b)));
      const greedy = { ...plain, temperature: 0 };
      assert.equal(
        new Sampler(values.length).sample(values, greedy, new Noise(1), maxima),
        values.indexOf(Math.max(...values)),
      );
    }),
    runs(100),
  );
});

const logits = [2, 1, 0.5, 0, -1, 1.5, -3, 0.25];
const cases: [string, Partial<SamplingParameters>][] = [
  ['temperature 1', {}],
  ['a low temperature', { temperature: 0.4 }],
  ['a high temperature', { temperature: 2 }],
  ['top-k', { topK: 3 }],
  ['top-p', { topP: 0.7 }],
  ['min-p', { minP: 0.3 }],
  ['top-k and top-p together', { topK: 4, topP: 0.6 }],
  ['all three', { temperature: 1.3, topK: 6, topP: 0.9, minP: 0.1 }],
];
for (const [name, parameters] of cases) {
  t.test(`draws from the defined distribution with ${name}`, async t => {
    const sampling = { ...plain, ...parameters };
    const expected = reference(logits, sampling);
    frequencies(logits, sampling, 40_000).forEach((frequency, id) => {
      // Six standard deviations of a binomial share.
      const tolerance = 6 * Math.sqrt((expected[id]! * (1 - expected[id]!)) / 40_000);
      t.ok(
        Math.abs(frequency - expected[id]!) <= tolerance,
        `token ${id}: ${frequency} for ${expected[id]!.toFixed(4)}`,
      );
    });
  });
}

/** The largest of each of equal blocks. */
function maximaOf(values: Float32Array, blocks: number): Float32Array {
  const size = values.length / blocks;
  return Float32Array.from({ length: blocks }, (_, block) =>
    values.subarray(block * size, (block + 1) * size).reduce((a, b) => Math.max(a, b)),
  );
}

for (const [name, parameters] of cases) {
  t.test(`the same with ${name} in a vocabulary of many blocks, whose largest are known or not`, async t => {
    // A few that stand out, and many that together weigh as much.
    const random = seededRandom(5);
    const many = Float32Array.from({ length: 600 }, (_, id) => (id % 83 === 7 ? 3 : 0) + 2 * random());
    const sampling = { ...plain, ...parameters };
    const expected = reference([...many], sampling);
    const draws = 20_000;
    for (const maxima of [undefined, maximaOf(many, 8)]) {
      const sampler = new Sampler(many.length);
      const counts = new Float64Array(many.length);
      const noise = new Noise(3);
      for (let i = 0; i < draws; i++) counts[sampler.sample(many, sampling, noise.begin(i), maxima)]!++;
      let worst = 0;
      let excluded = 0;
      counts.forEach((count, id) => {
        const share = expected[id]!;
        const deviation = Math.sqrt(draws * share * (1 - share)) + 1;
        worst = Math.max(worst, Math.abs(count - draws * share) / deviation);
        if (share === 0) excluded += count;
      });
      t.ok(worst < 6, `${worst} standard deviations`);
      t.equal(excluded, 0, 'draws of tokens that the definitions exclude');
    }
  });
}

t.test('top-p of 0 keeps the most probable token, with other parameters too', async t => {
  for (const parameters of [{}, { topK: 3 }, { minP: 0.1, temperature: 5 }, { topK: 8, temperature: 100 }])
    for (let step = 0; step < 20; step++) {
      const noise = new Noise(2).begin(step);
      const row = Float32Array.from(logits);
      t.equal(new Sampler(8).sample(row, { ...plain, ...parameters, topP: 0 }, noise), 0);
    }
});

t.test('temperatures of any size draw what is most probable, or anything', async t => {
  const row = Float32Array.from({ length: 300 }, (_, id) => (id === 200 ? 9 : id / 100));
  for (const temperature of [5e-324, 1e-310, 1e-300, 1e-30, 1e-3])
    for (const parameters of [{}, { topK: 5 }, { topP: 0.5 }, { minP: 0.1 }])
      t.equal(new Sampler(300).sample(row, { ...plain, ...parameters, temperature }, new Noise(1)), 200);
  for (const temperature of [1e3, 1e30, 1e300, Number.MAX_VALUE]) {
    const id = new Sampler(300).sample(row, { ...plain, temperature }, new Noise(1));
    t.ok(id >= 0 && id < 300, `${temperature}: ${id}`);
  }
});

t.test('a single token that may be drawn is found wherever it is', async t => {
  for (const size of [1, 2, 127, 128, 129, 300])
    for (const only of [0, size >> 1, size - 1]) {
      const masked = new Float32Array(size).fill(-Infinity);
      masked[only] = -5;
      t.equal(new Sampler(size).sample(masked, plain, new Noise(size)), only, `${only} of ${size}`);
    }
});

t.test('weights are those of the exponential', async () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: NEGLIGIBLE, noNaN: true }), y => {
      const expected = Math.exp(-y);
      assert.ok(Math.abs(expWeight(y) - expected) <= 1e-10 * expected, `${y}: ${expWeight(y)}`);
      assert.ok(bucketOf(y) >= 0 && bucketOf(y) < BUCKETS && Math.abs(bucketOf(y) - BUCKETS_OF_1 * y) <= 1);
    }),
    runs(1000),
  );
});

t.test('never draws a token that the definitions exclude', async () => {
  fc.assert(
    fc.property(
      // Eighths: logits are either equal or far enough apart for their order to survive the exponential.
      fc.array(
        fc.integer({ min: -160, max: 160 }).map(eighths => eighths / 8),
        { minLength: 1, maxLength: 300 },
      ),
      fc.record({
        temperature: fc.double({ min: 0.1, max: 2, noNaN: true }),
        topK: fc.nat(10),
        topP: fc.double({ min: 0.05, max: 1, noNaN: true }),
        minP: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.bigInt(),
      (values, parameters, seed) => {
        const sampling = { ...plain, ...parameters };
        const row = Float32Array.from(values);
        const blocks = [7, 5, 3, 2].find(count => row.length % count === 0);
        const maxima = blocks === undefined ? undefined : maximaOf(row, blocks);
        const id = new Sampler(row.length).sample(row, sampling, new Noise(seed), maxima);
        // Borders of the sets are decided by rounding: a token a hair outside is let through.
        const widened = {
          ...sampling,
          minP: sampling.minP * 0.999,
          topP: Math.min(1, sampling.topP * 1.001),
        };
        if (!(reference(values, widened)[id]! > 0)) throw new Error(`drew ${id}`);
      },
    ),
    runs(500),
  );
});

t.test('the same seed draws the same tokens, another one others', async t => {
  const draw = (seed: number | bigint): number[] => {
    const noise = new Noise(seed);
    const sampler = new Sampler(logits.length);
    const row = Float32Array.from(logits);
    return Array.from({ length: 50 }, (_, step) => sampler.sample(row, plain, noise.begin(step)));
  };
  t.strictSame(draw(42), draw(42));
  t.strictSame(draw(42), draw(42n));
  const seeds = [0, 1, -1, 42, 43, 42 + 2 ** 32, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
  t.equal(new Set(seeds.map(seed => draw(seed).join())).size, seeds.length, 'all bits of a seed count');
});

t.test('a draw depends on its step alone, not on those before it', async t => {
  const noise = new Noise(5);
  const sampler = new Sampler(logits.length);
  const at = (step: number): number => sampler.sample(Float32Array.from(logits), plain, noise.begin(step));
  const steps = Array.from({ length: 100 }, (_, step) => step);
  t.strictSame(steps.toReversed().map(at).toReversed(), steps.map(at));
});

for (const [name, parameters] of cases) {
  t.test(`noise in the last digits of 50,280 logits moves no draw with ${name}`, async t => {
    const random = seededRandom(9);
    const sampling = { ...plain, ...parameters };
    const sampler = new Sampler(50_280);
    const noise = new Noise(11);
    let moved = 0;
    const drawn = new Set<number>();
    for (let step = 0; step < 20; step++) {
      const row = Float32Array.from({ length: 50_280 }, () => 9 * random() ** 0.5);
      const noisy = row.map(logit => logit + 2e-5 * (random() - 0.5));
      const id = sampler.sample(row, sampling, noise.begin(step));
      drawn.add(id);
      if (sampler.sample(noisy, sampling, noise) !== id) moved++;
      if (sampler.sample(noisy, sampling, noise, maximaOf(noisy, 419)) !== id) moved++;
    }
    t.equal(moved, 0);
    t.ok(drawn.size > 15, 'they are other tokens at each step');
  });
}

t.test('noise is spread evenly over (0, 1), whatever is counted', async t => {
  const noise = new Noise(1);
  const sources: [string, (i: number) => number][] = [
    ['places', i => noise.uniform(i)],
    ['steps', i => noise.begin(i).uniform(0)],
    ['seeds', i => new Noise(i).uniform(0)],
    ['high bits of seeds', i => new Noise(BigInt(i) << 32n).uniform(0)],
  ];
  for (const [name, draw] of sources) {
    const bins = new Array<number>(100).fill(0);
    const pairs = new Array<number>(100).fill(0);
    let last = 0;
    for (let i = 0; i < 20_000; i++) {
      const value = draw(i);
      bins[Math.floor(value * 100)]!++;
      pairs[Math.floor(value * 10) * 10 + Math.floor(last * 10)]!++;
      last = value;
    }
    for (const counts of [bins, pairs]) {
      const chiSquare = counts.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
      // 99 degrees of freedom: beyond 160 once in ten thousand times.
      t.ok(chiSquare < 160, `${name}: ${chiSquare.toFixed(1)}`);
    }
  }
});

t.test('tokens are drawn as often as they weigh, by the test of chi-square', async t => {
  const random = seededRandom(13);
  const row = Float32Array.from({ length: 1000 }, () => 1.5 * (random() + random()));
  const expected = reference([...row], plain);
  const draws = 100_000;
  for (const [name, maxima] of [
    ['unknown blocks', undefined],
    ['blocks of 40', maximaOf(row, 25)],
  ] as const) {
    const sampler = new Sampler(row.length);
    const noise = new Noise(17);
    const counts = new Float64Array(row.length);
    for (let i = 0; i < draws; i++) counts[sampler.sample(row, plain, noise.begin(i), maxima)]!++;
    const chiSquare = counts.reduce(
      (sum, count, id) => sum + (count - draws * expected[id]!) ** 2 / (draws * expected[id]!),
      0,
    );
    // 999 degrees of freedom, standard deviation 45.
    t.ok(Math.abs(chiSquare - 999) < 4 * 45, `${name}: ${chiSquare.toFixed(0)}`);
  }
});
