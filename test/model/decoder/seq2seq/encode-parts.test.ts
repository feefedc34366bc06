import t from 'tap';
import type { SourceEntry } from '#model/decoder/contract.js';
import { encodeParts } from '#model/decoder/seq2seq/encode-parts.js';

const source = (slot: number, length: number): SourceEntry => ({
  slot,
  ids: Array.from({ length }, (_, i) => i),
});

t.test('sources of consecutive slots share a run, and what pads them counts', async t => {
  const parts: number[][] = [];
  const { results, runs } = await encodeParts(
    [source(2, 3), source(3, 5), source(4, 1), source(6, 2), source(5, 7)],
    async part => void parts.push(part.map(({ slot }) => slot)),
  );
  t.strictSame(parts, [[2, 3, 4], [6], [5]]);
  t.strictSame(results, Array(5).fill(undefined));
  t.match(runs, [
    { decoding: 0, promptTokens: 15 },
    { decoding: 0, promptTokens: 2 },
    { decoding: 0, promptTokens: 7 },
  ]);
});

t.test('a run that fails gives its own sources an error, and no others', async t => {
  const error = new Error('broken');
  const { results, runs } = await encodeParts([source(0, 3), source(1, 3), source(4, 2)], async part => {
    if (part[0]!.slot === 0) throw error;
  });
  t.strictSame(results, [{ error }, { error }, undefined]);
  t.match(runs, [{ promptTokens: 2 }]);
  t.equal(runs.length, 1, 'it is no measure');
});

t.test('sounds run one after the other, and count as the positions that they have', async t => {
  const parts: number[][] = [];
  const sound = { key: 'a', features: new Float32Array(1) };
  const { runs } = await encodeParts(
    [0, 1, 2].map(slot => ({ slot, ids: [], sound })),
    async part => void parts.push(part.map(({ slot }) => slot)),
    () => 9,
  );
  t.strictSame(parts, [[0], [1], [2]]);
  t.strictSame(
    runs.map(({ promptTokens }) => promptTokens),
    [9, 9, 9],
  );
});
