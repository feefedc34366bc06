import t from 'tap';
import { ChunkSize } from '#engine/chunk-size.js';

/** Tells of a run of prompts, or of a decode step. */
function prefilled(size: ChunkSize, promptTokens: number, ms: number): void {
  size.observe([{ decoding: 0, promptTokens, ms }]);
}
function decoded(size: ChunkSize, ms: number): void {
  size.observe([{ decoding: 1, promptTokens: 0, ms }]);
}

/**
 * Steps of a machine on which a decode step takes `decodeMs` and a token of a prompt `tokenMs`, while prompts
 * never end.
 */
function simulate(options: { decodeMs: number; tokenMs: number; decoding: number; waiting: number }): {
  chunks: number[];
  decodeMs: number;
  prefillMs: number;
} {
  const { decodeMs, tokenMs, decoding, waiting } = options;
  const size = measured(decodeMs, tokenMs);
  const chunks: number[] = [];
  for (let step = 0; step < 960; step++) {
    const tokens = size.tokens({ decoding, waiting, tokens: 10_000 });
    chunks.push(tokens);
    if (tokens > 0) prefilled(size, tokens, tokens * tokenMs);
    decoded(size, decodeMs);
  }
  const prefillMs = chunks.reduce((sum, tokens) => sum + tokens, 0) * tokenMs;
  return { chunks, decodeMs: 960 * decodeMs, prefillMs };
}

/** One that has saved up as much as it can. */
function measured(decodeMs: number, tokenMs: number): ChunkSize {
  const size = new ChunkSize({ longest: 512, prefillShare: 0.5 });
  prefilled(size, 100, 100 * tokenMs);
  decoded(size, decodeMs);
  return size;
}

t.test('while nobody decodes, or before anything was measured, runs are as long as they may be', async t => {
  const size = new ChunkSize({ longest: 512, prefillShare: 0.5 });
  t.equal(size.tokens({ decoding: 3, waiting: 1, tokens: 1000 }), 512);
  decoded(size, 20);
  prefilled(size, 16, 16);
  t.equal(size.tokens({ decoding: 0, waiting: 5, tokens: 1000 }), 512);
  prefilled(size, 512, 512);
  t.equal(
    size.tokens({ decoding: 1, waiting: 4, tokens: 200 }),
    224,
    'nobody was held up, so nothing was spent',
  );
});

t.test('prompts take their share of the time, whatever a chunk costs', async t => {
  for (const [decodeMs, tokenMs] of [
    [40, 2],
    [40, 0.1],
    [5, 2],
    [1, 3],
  ] as const) {
    const { chunks, ...time } = simulate({ decodeMs, tokenMs, decoding: 8, waiting: 1 });
    const share = time.prefillMs / time.decodeMs;
    t.ok(share > 0.4 && share <= 0.55, `${decodeMs} ms a step, ${tokenMs} ms a token: ${share.toFixed(2)}`);
    t.ok(
      chunks.every(tokens => tokens % 16 === 0 && tokens <= 512),
      'in multiples of 16',
    );
  }
});

t.test('a long prompt holds up fewer than one step in twenty', async t => {
  const { chunks } = simulate({ decodeMs: 40, tokenMs: 1, decoding: 8, waiting: 1 });
  const late = chunks.filter(tokens => tokens > 0).length;
  t.ok(late > 0 && late / chunks.length < 1 / 20, `${late} of ${chunks.length}`);
});

t.test('each that waits earns time', async t => {
  const few = simulate({ decodeMs: 40, tokenMs: 1, decoding: 8, waiting: 1 });
  const many = simulate({ decodeMs: 40, tokenMs: 1, decoding: 8, waiting: 8 });
  t.ok(many.prefillMs > 7 * few.prefillMs, `${many.prefillMs} against ${few.prefillMs} ms`);
  t.ok(Math.max(...many.chunks) <= Math.max(...few.chunks), 'but no longer pauses');
});

t.test(
  'what is saved up is there for a short prompt at once, and for a long one when it is all there',
  async t => {
    const size = measured(40, 1);
    t.equal(size.tokens({ decoding: 8, waiting: 1, tokens: 2000 }), 480, 'half the time of 24 steps');
    prefilled(size, 480, 480);
    t.equal(size.tokens({ decoding: 8, waiting: 1, tokens: 1520 }), 0, 'then the others go on');
    for (let step = 0; step < 12; step++) decoded(size, 40);
    t.equal(size.tokens({ decoding: 8, waiting: 1, tokens: 1520 }), 0);
    t.equal(size.tokens({ decoding: 8, waiting: 1, tokens: 200 }), 240);
    for (let step = 0; step < 12; step++) decoded(size, 40);
    t.equal(size.tokens({ decoding: 8, waiting: 1, tokens: 1520 }), 480);
  },
);

t.test('where prompts share runs with those that decode, each step takes its part of them', async t => {
  const size = (longest: number, prefillShare: number): ChunkSize =>
    new ChunkSize({ longest, prefillShare, mixes: true });
  const shared = size(512, 0.5);
  const demand = { decoding: 16, waiting: 3, tokens: 5000 };
  for (let step = 0; step < 9; step++) {
    t.equal(shared.tokens(demand), 240, 'with those that decode, half of the longest run');
    shared.observe([{ decoding: 16, promptTokens: 240, ms: 900 }]);
  }
  t.equal(shared.tokens({ ...demand, decoding: 0 }), 512, 'all of it while nobody decodes');
  t.equal(shared.tokens({ ...demand, decoding: 400 }), 16, 'never nothing');
  t.equal(size(512, 0.25).tokens(demand), 112);
  t.equal(size(512, 100).tokens(demand), 512);
  t.equal(size(5, 0.5).tokens(demand), 5);
});

t.test('the runs of a step count together', async t => {
  const demand = { decoding: 4, waiting: 3, tokens: 5000 };
  const [together, apart] = [1, 2].map(() => measured(20, 1)) as [ChunkSize, ChunkSize];
  for (let step = 0; step < 60; step++) {
    const tokens = apart.tokens(demand);
    t.equal(together.tokens(demand), tokens);
    together.observe([
      { decoding: 2, promptTokens: 0, ms: 15 },
      ...(tokens > 0 ? [{ decoding: 0, promptTokens: tokens, ms: tokens }] : []),
      { decoding: 2, promptTokens: 0, ms: 5 },
    ]);
    if (tokens > 0) prefilled(apart, tokens, tokens);
    decoded(apart, 20);
  }
});

t.test('one run in a bad moment keeps prompts waiting for no longer than a good one', async t => {
  const demand = { decoding: 8, waiting: 1, tokens: 10_000 };
  /**
   * How many steps prompts wait after a run of what was saved up, which took so many times as long as usual.
   */
  const stepsAfter = (times: number): number => {
    const size = measured(40, 1);
    const tokens = size.tokens(demand);
    t.equal(tokens, 480);
    prefilled(size, tokens, times * tokens);
    let steps = 0;
    for (; size.tokens(demand) === 0; steps++) decoded(size, 40);
    return steps;
  };
  const usual = stepsAfter(1);
  t.equal(usual, 24, 'as many as time is saved up for');
  t.equal(stepsAfter(10), 2 * usual, 'the debt, and what the next run costs');
});
