import t from 'tap';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import type { WeightsFormat } from '#model/weights-format.js';
import { Environment } from '#runtime/index.js';
import { sharedModel, skipWithout } from '#test/support/shared-models.js';
import { decode, prefill } from '#test/support/run-decoder.js';

const LENGTH = 60;
const START = 1;
const environment = new Environment({ logLevel: 'fatal' });

/** The most probable continuation of BOS, one token at a time, in a batch beside other sequences or alone. */
async function greedy(folder: string, format: WeightsFormat, slots: number): Promise<number[]> {
  const { decoder, path } = await loadDecoder(environment, folder, {
    format,
    slots,
    session: { intraOpThreads: 1 },
  });
  try {
    t.equal(path.kind, format === 'safetensors' ? 'built' : 'growing');
    const { vocabularySize } = decoder.shape;
    const rows = Array.from({ length: slots }, (_, slot) => [
      START,
      ...Array.from({ length: slot }, () => 5 + slot),
    ]);
    const next: number[] = [];
    for (const [slot, ids] of rows.entries())
      next.push(best(await prefill(decoder, slot, ids, 0, 'last'), 0, vocabularySize));
    rows.forEach((ids, slot) => ids.push(next[slot]!));
    while (rows[0]!.length < LENGTH) {
      const logits = await decode(
        decoder,
        rows.map(ids => ids.at(-1)!),
        rows.map(ids => ids.length - 1),
      );
      rows.forEach((ids, slot) => ids.push(best(logits, slot, vocabularySize)));
    }
    return rows[0]!;
  } finally {
    decoder.dispose();
  }
}

function best(logits: Float32Array, row: number, vocabularySize: number): number {
  const own = logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
  return own.indexOf(own.reduce((a, b) => Math.max(a, b)));
}

for (const name of ['stories260k', 'babyllama'])
  t.test(`${name}: its export says what its built graph says`, { skip: skipWithout(name) }, async t => {
    const built = await greedy(sharedModel(name), 'safetensors', 1);
    t.strictSame(await greedy(sharedModel(name), 'onnx', 1), built);
    t.strictSame(await greedy(sharedModel(name), 'onnx', 3), built, 'beside others');
    if (name === 'stories260k')
      t.strictSame(built.slice(1, 11), [403, 407, 261, 378, 432, 383, 286, 261, 376, 298]);
  });
