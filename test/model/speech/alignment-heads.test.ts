import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import type { Seq2SeqSizes } from '#graph/assembly/seq2seq/architecture.js';
import { readAlignmentHeads } from '#model/speech/alignment-heads.js';

const SIZES = { decoderLayers: 3, heads: 2 } as Seq2SeqSizes;
const UPPER_HALF = [1, 2].flatMap(layer => [0, 1].map(head => ({ layer, head })));

async function read(t: Test, alignment_heads?: unknown) {
  const folder = t.testdir({});
  await writeFile(path.join(folder, 'generation_config.json'), JSON.stringify({ alignment_heads }));
  return readAlignmentHeads(folder, SIZES);
}

t.test('heads that are named', async t => {
  t.strictSame(
    await read(t, [
      [2, 1],
      [0, 0],
    ]),
    [
      { layer: 2, head: 1 },
      { layer: 0, head: 0 },
    ],
  );
});

t.test('without any, the upper half of the layers', async t => {
  t.strictSame(await readAlignmentHeads(t.testdir({}), SIZES), UPPER_HALF);
  t.strictSame(await read(t), UPPER_HALF);
  t.strictSame(await read(t, null), UPPER_HALF);
  t.strictSame(await read(t, []), UPPER_HALF);
});

t.test("a teacher's heads, which are not there", async t => {
  t.strictSame(
    await read(t, [
      [2, 1],
      [7, 0],
    ]),
    UPPER_HALF,
  );
  t.strictSame(await read(t, [[2, 2]]), UPPER_HALF);
});

t.test('what is no list of pairs is refused', async t => {
  for (const heads of ['all', [3], [[1]], [[0, -1]], [[0, 0.5]]])
    await t.rejects(read(t, heads), { code: 'invalid_model', message: /alignment_heads/ });
});
