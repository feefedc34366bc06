/** Rows that decode and prompts in one run, for every family, against its formulas in float64. */
import t from 'tap';
import { openDecoder } from '#bench/support/open-decoder.js';
import type { BatchEntry } from '#model/decoder/contract.js';
import { layOut } from '#model/decoder/mixed/mixed-batch.js';
import { Environment } from '#runtime/index.js';
import { relativeError, writeModel } from '#test/support/check-decoder.js';
import { MODELS } from '#test/support/models/index.js';
import { randomIds } from '#test/support/random-tensors.js';
import { run } from '#test/support/run-decoder.js';

const environment = new Environment({ logLevel: 'fatal' });
const SETTINGS = { intraOpThreads: 1 };
const SLOTS = 5;

/** Two that decode, and then a chunk behind others, or whole prompts. */
const PROMPTS = {
  'a chunk': [{ slot: 2, begin: 4, end: 9, wanted: 'all' }],
  'a chunk whose logits nobody wants': [{ slot: 2, begin: 2, end: 5, wanted: 'none' }],
  'a prompt': [{ slot: 2, begin: 0, end: 7, wanted: 'last' }],
  'whole prompts': [
    { slot: 2, begin: 0, end: 3, wanted: 'last' },
    { slot: 3, begin: 0, end: 8, wanted: 'last' },
    { slot: 4, begin: 0, end: 1, wanted: 'last' },
  ],
} as const;

for (const model of MODELS)
  t.test(model.name, async t => {
    const folder = t.testdir();
    await writeModel(folder, model);
    const decoder = await openDecoder(environment, folder, SLOTS, 'f32', SETTINGS);
    t.teardown(() => decoder.dispose());
    const { vocabularySize } = decoder.shape;
    const sequences = Array.from({ length: SLOTS }, (_, i) => randomIds(11, vocabularySize, i + 1));
    const expected = sequences.map(model.reference);
    const entry = (slot: number, begin: number, end: number, wanted: BatchEntry['wanted']): BatchEntry => {
      return { slot, ids: sequences[slot]!.slice(begin, end), computed: begin, wanted };
    };
    let step = 6;
    for (const [what, prompts] of Object.entries(PROMPTS)) {
      const begun = prompts
        .filter(({ begin }) => begin > 0)
        .map(({ slot, begin }) => entry(slot, 0, begin, 'none'));
      await run(decoder, [entry(0, 0, step, 'none'), entry(1, 0, 3, 'none'), ...begun]);
      const entries = [
        entry(0, step, ++step, 'last'),
        entry(1, 3, 4, 'last'),
        ...prompts.map(({ slot, begin, end, wanted }) => entry(slot, begin, end, wanted)),
      ];
      const { results, runs } = await decoder.run(entries);
      t.equal(runs.length, 1, `${what}: one run`);
      t.match(runs[0], { decoding: 2 });
      results.forEach((result, i) => {
        const { slot, computed, ids, wanted } = entries[i]!;
        if ('error' in result) return t.fail(result.error.message);
        const rows = expected[slot]!.slice(computed, computed + ids.length);
        const right = wanted === 'all' ? rows : wanted === 'last' ? rows.slice(-1) : [];
        t.equal(result.logits.length, right.length * vocabularySize, `${what}, slot ${slot}`);
        if (right.length === 0) return;
        const error = relativeError(result.logits, right);
        t.ok(error < 1e-4, `${what}, slot ${slot}: ${error}`);
        if (result.maxima === undefined) return;
        const largest = right.map((_, row) =>
          Math.max(...result.logits.subarray(row * vocabularySize, (row + 1) * vocabularySize)),
        );
        const width = result.maxima.length / right.length;
        t.strictSame(
          largest,
          right.map((_, row) => Math.max(...result.maxima!.subarray(row * width, (row + 1) * width))),
        );
      });
    }
  });

t.test('tokens stand one after the other, prompts padded to the longest', async t => {
  const arrays = layOut({
    decode: [
      { slot: 0, ids: [7], computed: 3, wanted: 'last' },
      { slot: 1, ids: [8], computed: 9, wanted: 'last' },
    ],
    prompts: [
      { slot: 2, ids: [1, 2], computed: 0, wanted: 'last' },
      { slot: 3, ids: [3, 4, 5], computed: 0, wanted: 'all' },
    ],
  });
  t.strictSame([...arrays.ids].map(Number), [7, 8, 1, 2, 0, 3, 4, 5]);
  t.strictSame([...arrays.positions].map(Number), [3, 9, 0, 1, 0, 0, 1, 2]);
  t.strictSame([...arrays.wanted].map(Number), [0, 1, 3, 5, 6, 7]);
  t.strictSame([...arrays.decodeLast], [3, 9]);
  t.strictSame([...arrays.promptLast], [1, 2]);
  t.match(arrays, { decodeLongest: 10, promptLongest: 3, width: 3 });
});
