/**
 * Slots of which no more is kept than tokens still see, against the same with everything: not a bit of any
 * logit may differ.
 */
import t, { type Test } from 'tap';
import type { Decoder } from '#model/decoder/contract.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import { Environment } from '#runtime/index.js';
import { openDecoder, writeModel } from '#test/support/check-decoder.js';
import { DISTANT } from '#test/support/distant-device.js';
import { MODELS } from '#test/support/models/index.js';
import { MISTRAL } from '#test/support/models/mistral.js';
import type { CaseModel } from '#test/support/models/model.js';
import { randomIds } from '#test/support/random-tensors.js';
import { decode, prefill } from '#test/support/run-decoder.js';

/** Several pages of each head. */
const CONTEXT = 400;

function open(t: Test, { config, tensors }: CaseModel): Promise<Decoder> {
  const long = config.sliding_window === undefined ? {} : { max_position_embeddings: CONTEXT };
  return openDecoder(t, { config: { ...config, ...long }, tensors });
}

/** Runs chunks and single tokens, moves slots and goes on in all of them. */
async function logitsOfMoves(decoder: Decoder, trims: boolean): Promise<Buffer> {
  const { vocabularySize } = decoder.shape;
  const ids = randomIds(CONTEXT, vocabularySize, 1);
  const all: number[] = [];
  const trim = (slot: number, filled: number): void => {
    if (trims) decoder.arrange({ kind: 'trim', slot, before: Math.max(0, filled - decoder.traits.window!) });
  };
  for (let slot = 0; slot < 3; slot++) decoder.arrange({ kind: 'release', slot: slot, from: 0 });

  let filled = 0;
  for (; filled < 200; filled += 50) {
    all.push(...(await prefill(decoder, 0, ids.slice(filled, filled + 50), filled, 'all')));
    trim(0, filled + 50);
  }
  // As many as a page has in any of the models, one by one: some trim ends exactly where a page does.
  for (; filled < 264; filled++) {
    all.push(...(await decode(decoder, [ids[filled]!], [filled])));
    trim(0, filled + 1);
  }
  await prefill(decoder, 2, ids.slice(0, 40), 0, 'none');
  decoder.arrange({ kind: 'copy', from: 0, to: 1, length: filled });
  trim(1, filled);
  decoder.arrange({ kind: 'swap', a: 0, b: 2, length: filled });
  trim(2, filled);
  const cached = [40, filled, filled];
  for (let step = 0; step < 30; step++) {
    const next = cached.map((position, slot) => ids[(position + 7 * slot) % CONTEXT]!);
    all.push(...(await decode(decoder, next, cached)));
    cached.forEach((length, slot) => trim(slot, (cached[slot] = length + 1)));
  }
  return Buffer.from(Float32Array.from(all).buffer);
}

for (const model of MODELS) {
  t.test(model.name, async t => {
    const decoder = await open(t, model);
    t.equal(decoder.traits.window, model.config.sliding_window ?? model.config.window_size);
    // Tables of learned positions end before anything can be given back.
    if (decoder.traits.window === undefined || decoder.shape.contextLength < CONTEXT) return;
    const untrimmed = await logitsOfMoves(decoder, false);
    t.ok(untrimmed.equals(await logitsOfMoves(decoder, true)));
  });
}

t.test('where no pages can be given back, there is nothing to trim', async t => {
  const folder = t.testdir();
  await writeModel(folder, MISTRAL);
  const environment = new Environment({ logLevel: 'fatal' });
  const { decoder } = await loadDecoder(environment, folder, { slots: 1, session: { device: DISTANT } });
  t.equal(decoder.traits.window, undefined);
  decoder.dispose();
});

t.test(
  'what is trimmed is gone, in that slot only',
  { skip: process.platform !== 'linux' && 'only on Linux' },
  async t => {
    const decoder = await open(t, MISTRAL);
    const ids = randomIds(300, decoder.shape.vocabularySize, 1);
    for (let slot = 0; slot < 3; slot++) await prefill(decoder, slot, ids, 0, 'none');
    const rows = async (): Promise<Buffer[]> => {
      const logits = await decode(decoder, [1, 1, 1], [300, 300, 300]);
      return [0, 1, 2].map(slot => {
        const row = logits.slice((slot * logits.length) / 3, ((slot + 1) * logits.length) / 3);
        return Buffer.from(row.buffer);
      });
    };
    const before = await rows();
    // Its window, too.
    decoder.arrange({ kind: 'trim', slot: 1, before: CONTEXT });
    const after = await rows();
    t.strictSame(
      before.map((row, slot) => row.equals(after[slot]!)),
      [true, false, true],
    );
  },
);
