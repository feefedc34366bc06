/**
 * The decoder with a paged cache, on the processor: where CUDA has PagedAttention, ordinary operators take
 * its place. Compared with what each architecture's formulas give in float64, and with the decoder whose
 * cache is in slots.
 */
import t, { type Test } from 'tap';
import { openDecoder } from '#bench/support/open-decoder.js';
import type { BatchEntry, WantedLogits } from '#model/decoder/contract.js';
import type { PagedDecoder } from '#model/decoder/paged/paged-decoder.js';
import { Environment, PROCESSOR, type Device } from '#runtime/index.js';
import { relativeError, writeModel } from '#test/support/check-decoder.js';
import { DISTANT } from '#test/support/distant-device.js';
import { MODELS } from '#test/support/models/index.js';
import { openPagedDecoder } from '#test/support/open-paged-decoder.js';
import { randomIds } from '#test/support/random-tensors.js';
import { decode, prefill, run } from '#test/support/run-decoder.js';

const environment = new Environment({ logLevel: 'fatal' });
const SETTINGS = { intraOpThreads: 1 };
const SLOTS = 3;
const BLOCK_SIZE = 4;
const TOLERANCE = 1e-4;

/** Why families have no paged form. */
const UNPAGED: readonly { readonly types: readonly unknown[]; readonly message: RegExp }[] = [
  {
    types: ['gpt2', 'gpt_neo', 'gpt_bigcode', 'opt', 'ministral3', 'hunyuan_v1_dense'],
    message: /a paged KV cache needs rotary positions alone, and here positions do more/,
  },
  { types: ['bloom', 'mpt'], message: /a paged KV cache takes no bias of attention scores, as ALiBi has it/ },
];

const PAGED_MODELS = MODELS.filter(
  ({ config }) => config.alibi !== true && !UNPAGED.some(({ types }) => types.includes(config.model_type)),
);

async function open(t: Test, folder: string, device: Device = PROCESSOR): Promise<PagedDecoder> {
  const sizes = { slots: SLOTS, blockSize: BLOCK_SIZE };
  const decoder = await openPagedDecoder(environment, folder, sizes, { ...SETTINGS, device });
  t.teardown(() => decoder.dispose());
  return decoder;
}

t.test('positions that have no paged form', async t => {
  for (const { types, message } of UNPAGED)
    for (const type of types) {
      const folder = t.testdir();
      await writeModel(
        folder,
        MODELS.find(({ config }) => config.model_type === type)!,
      );
      await t.rejects(open(t, folder), { code: 'unsupported_model', message }, String(type));
    }
});

t.test('a run that fails leaves its slots as they were', async t => {
  const folder = t.testdir();
  const model = PAGED_MODELS[0]!;
  await writeModel(folder, model);
  const decoder = await open(t, folder);
  const ids = randomIds(12, decoder.shape.vocabularySize, 1);
  const expected = model.reference(ids);
  await prefill(decoder, 0, ids.slice(0, 6), 0, 'none');
  decoder.arrange({ kind: 'copy', from: 0, to: 1, length: 6 });
  // An id outside of the vocabulary.
  await t.rejects(decode(decoder, [1e6, 1e6], [6, 6]));
  for (const slot of [0, 1])
    t.ok(relativeError(await prefill(decoder, slot, ids.slice(6), 6, 'all'), expected.slice(6)) < TOLERANCE);
});

for (const model of PAGED_MODELS) {
  t.test(`${model.name}: mixed batches have the logits of the formulas`, async t => {
    const folder = t.testdir();
    await writeModel(folder, model);
    const decoder = await open(t, folder);
    const { contextLength, vocabularySize } = decoder.shape;
    const sequences = Array.from({ length: SLOTS }, (_, i) =>
      randomIds(contextLength, vocabularySize, i + 1),
    );
    const expected = sequences.map(model.reference);
    const cached = sequences.map(() => 0);
    // Chunks of all sizes, single tokens and whole blocks among them, in ever other company.
    const sizes = [
      [5, 1, 8],
      [1, 3],
      [2, 0, 1],
      [1, 1, 1],
      [4, 4, 4],
      [1, 7, 1],
    ];
    for (let step = 0; cached.some(length => length < contextLength); step++) {
      const entries: BatchEntry[] = [];
      const wantedRows: number[][] = [];
      cached.forEach((begin, slot) => {
        const count = Math.min(sizes[step % sizes.length]![slot] ?? 0, contextLength - begin);
        if (count === 0) return;
        const wanted: WantedLogits = (['all', 'last', 'none'] as const)[(step + slot) % 3]!;
        entries.push({ slot, ids: sequences[slot]!.slice(begin, begin + count), computed: begin, wanted });
        const rows = expected[slot]!.slice(begin, begin + count);
        wantedRows.push(...(wanted === 'all' ? rows : wanted === 'last' ? rows.slice(-1) : []));
        cached[slot] = begin + count;
      });
      if (entries.length === 0) continue;
      const results = await run(decoder, entries);
      const [logits, maxima] = [
        Float32Array.from(results.flatMap(result => [...result.logits])),
        results.flatMap(result => [...result.maxima!]),
      ];
      const error = wantedRows.length === 0 ? 0 : relativeError(logits, wantedRows);
      t.ok(error < TOLERANCE, `step ${step}: ${error}`);
      const largest = Array.from({ length: wantedRows.length }, (_, row) =>
        Math.max(...logits.subarray(row * vocabularySize, (row + 1) * vocabularySize)),
      );
      t.strictSame(maxima, largest, 'the largest logit of the one block that this vocabulary is');
    }
  });
}

const COMPARED = [
  ...PAGED_MODELS.map(model => [model, PROCESSOR] as const),
  // Blocks are copied by a graph there.
  [PAGED_MODELS[0]!, DISTANT] as const,
];

for (const [model, device] of COMPARED) {
  t.test(`${model.name} on ${device.name}: as with slots`, async t => {
    const folder = t.testdir();
    await writeModel(folder, model);
    const paged = await open(t, folder, device);
    const inSlots = await openDecoder(environment, folder, SLOTS, 'f32', SETTINGS);
    t.teardown(() => inSlots.dispose());
    const { contextLength, vocabularySize } = paged.shape;
    const ids = randomIds(contextLength, vocabularySize, 1);
    const close = (what: string, found: Float32Array, wanted: Float32Array): void => {
      const error = found.reduce((max, value, i) => Math.max(max, Math.abs(value - wanted[i]!)), 0);
      t.ok(found.length === wanted.length && error < TOLERANCE, `${what}: ${error}`);
    };
    for (const [begin, end] of [
      [0, 6],
      [6, 7],
      [7, 11],
    ] as const) {
      const chunk = ids.slice(begin, end);
      const wanted = await prefill(inSlots, 0, chunk, begin, 'all');
      close(`tokens ${begin} to ${end}`, await prefill(paged, 0, chunk, begin, 'all'), wanted);
    }
    for (const decoder of [inSlots, paged]) {
      decoder.arrange({ kind: 'copy', from: 0, to: 1, length: 6 });
      decoder.arrange({ kind: 'copy', from: 0, to: 2, length: 11 });
      decoder.arrange({ kind: 'swap', a: 0, b: 1, length: 11 });
    }
    const cached = [6, 11, 11];
    while (Math.max(...cached) < contextLength) {
      const tokens = cached.map((length, slot) => ids[(length + slot) % ids.length]!);
      close(
        `tokens at ${cached.join(', ')}`,
        await decode(paged, tokens, cached),
        await decode(inSlots, tokens, cached),
      );
      cached.forEach((_, slot) => cached[slot]!++);
    }
  });
}
