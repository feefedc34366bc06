import t from 'tap';
import { ChunkSize } from '../../src/engine/chunk-size.js';

/** Steps of a machine on which a decode step takes `decodeMs` and a token of a prompt `tokenMs`. */
function simulate(options: { decodeMs: number; tokenMs: number; decoding: number; waiting: number }): {
  chunks: number[];
  decodeMs: number;
  prefillMs: number;
} {
  const { decodeMs, tokenMs, decoding, waiting } = options;
  const size = new ChunkSize({ longest: 512, stall: 0.5 });
  size.observeDecode(decodeMs);
  size.observePrefill(100, 100 * tokenMs);
  const chunks: number[] = [];
  for (let step = 0; step < 400; step++) {
    const tokens = size.tokens(decoding, waiting);
    chunks.push(tokens);
    if (tokens > 0) size.observePrefill(tokens, tokens * tokenMs);
    size.observeDecode(decodeMs);
  }
  const prefillMs = chunks.reduce((sum, tokens) => sum + tokens, 0) * tokenMs;
  return { chunks, decodeMs: 400 * decodeMs, prefillMs };
}

t.test('while nobody decodes, or before anything was measured, runs are as long as they may be', async t => {
  const size = new ChunkSize({ longest: 512, stall: 0.5 });
  t.equal(size.tokens(3, 1), 512);
  size.observeDecode(20);
  size.observePrefill(16, 16);
  t.equal(size.tokens(0, 5), 512);
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

t.test('each that waits earns time', async t => {
  const few = simulate({ decodeMs: 40, tokenMs: 1, decoding: 8, waiting: 1 });
  const many = simulate({ decodeMs: 40, tokenMs: 1, decoding: 8, waiting: 8 });
  t.ok(many.prefillMs > 7 * few.prefillMs, `${many.prefillMs} against ${few.prefillMs} ms`);
});

t.test('after a time without prompts, one has the time that was saved up', async t => {
  const size = new ChunkSize({ longest: 512, stall: 0.5 });
  size.observePrefill(100, 100);
  for (let step = 0; step < 100; step++) {
    size.observeDecode(40);
    size.tokens(8, 0);
  }
  t.equal(size.tokens(8, 1), 80, 'that of four steps');
  size.observePrefill(80, 80);
  t.equal(size.tokens(8, 1), 0, 'then the others go on');
});
