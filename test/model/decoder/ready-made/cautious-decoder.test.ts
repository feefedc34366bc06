import t from 'tap';
import type { BatchEntry, SlotOperation, WantedLogits } from '#model/decoder/contract.js';
import { CautiousDecoder, type Restrictions } from '#model/decoder/ready-made/cautious-decoder.js';
import { FakeDecoder } from '#test/support/fake-decoder.js';
import { run } from '#test/support/run-decoder.js';

/** A decoder that writes the next number, and the careful one around it. */
function cautious(restrictions: Restrictions): { inner: FakeDecoder; decoder: CautiousDecoder } {
  const inner = new FakeDecoder(3, 28, 64, tokens => (tokens.at(-1)! + 1) % 28);
  return { inner, decoder: new CautiousDecoder(inner, restrictions) };
}

const piece = (
  slot: number,
  ids: readonly number[],
  computed: number,
  wanted: WantedLogits = 'last',
): BatchEntry => ({ slot, ids, computed, wanted });

t.test('without chunks, a prompt is run as a whole, once, and then token by token', async t => {
  const { inner, decoder } = cautious({ noChunks: true, noBatches: false });
  t.equal(decoder.traits.chunkInvariant, false);
  await run(decoder, [piece(0, [1, 2, 3], 0, 'none')]);
  t.strictSame(inner.runs, []);
  await run(decoder, [piece(0, [4, 5], 3)]);
  await run(decoder, [piece(0, [6], 5), piece(1, [1, 2], 0, 'none')]);
  await run(decoder, [piece(0, [7], 6), piece(1, [3], 2)]);
  t.strictSame(inner.runs, ['prefill 0 5', 'decode 1', 'decode 1', 'prefill 1 3']);
  t.strictSame(inner.cells[0], [1, 2, 3, 4, 5, 6, 7]);
});

t.test('without batches, sequences run one after the other', async t => {
  const { inner, decoder } = cautious({ noChunks: false, noBatches: true });
  t.equal(decoder.traits.chunkInvariant, true);
  await run(decoder, [piece(0, [1, 2], 0), piece(1, [3], 0)]);
  await run(decoder, [piece(0, [3], 2), piece(1, [4], 1)]);
  t.strictSame(inner.runs, ['prefill 0 2', 'prefill 1 1', 'decode 1', 'prefill 1 1']);
});

t.test('what was not run yet moves with its slot, and is cut with it', async t => {
  const { inner, decoder } = cautious({ noChunks: true, noBatches: false });
  await run(decoder, [piece(0, [1, 2, 3], 0)]);
  await run(decoder, [piece(1, [7, 8], 0, 'none')]);
  decoder.arrange({ kind: 'swap', a: 0, b: 1, length: 3 });
  decoder.arrange({ kind: 'copy', from: 1, to: 2, length: 2 });
  decoder.arrange({ kind: 'release', slot: 1, from: 1 });
  inner.runs.length = 0;
  await run(decoder, [piece(0, [9], 2), piece(1, [4], 1), piece(2, [5], 2)]);
  t.strictSame(inner.cells, [
    [7, 8, 9],
    [1, 4],
    [1, 2, 5],
  ]);
  t.strictSame(inner.runs, ['prefill 0 3', 'prefill 1 1', 'prefill 2 1']);
});

t.test('a copy begins where the slot differs, or has not run', async t => {
  const { inner, decoder } = cautious({ noChunks: true, noBatches: false });
  const operations: SlotOperation[] = [];
  const arrange = inner.arrange.bind(inner);
  inner.arrange = operation => {
    operations.push(operation);
    arrange(operation);
  };
  await run(decoder, [piece(0, [1, 2, 3], 0)]);
  await run(decoder, [piece(1, [1, 2, 9], 0)]);
  await run(decoder, [piece(2, [1, 2], 0, 'none')]);
  for (const to of [1, 2]) decoder.arrange({ kind: 'copy', from: 0, to, length: 3, begin: 2 });
  t.strictSame(operations, [
    { kind: 'copy', from: 0, to: 1, length: 3, begin: 2 },
    { kind: 'copy', from: 0, to: 2, length: 3, begin: 0 },
  ]);
  await run(decoder, [piece(0, [4], 3), piece(1, [5], 3), piece(2, [6], 3)]);
  t.strictSame(inner.cells, [
    [1, 2, 3, 4],
    [1, 2, 3, 5],
    [1, 2, 3, 6],
  ]);
});
