/** Layers that read the keys and values of earlier ones, in every way to run a decoder. */
import t from 'tap';
import { openDecoder as openSlots } from '#bench/support/open-decoder.js';
import type { BatchEntry, Decoder } from '#model/decoder/contract.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import { Environment } from '#runtime/index.js';
import { relativeError, writeModel } from '#test/support/check-decoder.js';
import { CAPTURING } from '#test/support/distant-device.js';
import { GEMMA3N } from '#test/support/models/gemma3n.js';
import { GEMMA4 } from '#test/support/models/gemma4.js';
import { openPagedDecoder } from '#test/support/open-paged-decoder.js';
import { randomIds } from '#test/support/random-tensors.js';
import { run } from '#test/support/run-decoder.js';

const SLOTS = 3;
const SETTINGS = { intraOpThreads: 1 };
const environment = new Environment({ logLevel: 'fatal' });

const KINDS: Readonly<Record<string, (folder: string) => Promise<Decoder>>> = {
  mixed: folder => openSlots(environment, folder, SLOTS, 'f32', SETTINGS),
  'in slots': folder => openSlots(environment, folder, SLOTS, 'f32', SETTINGS, false),
  'in slots, captured': async folder => {
    const options = { slots: SLOTS, session: { ...SETTINGS, device: CAPTURING } };
    return (await loadDecoder(environment, folder, options)).decoder;
  },
  paged: folder => openPagedDecoder(environment, folder, { slots: SLOTS, blockSize: 4 }, SETTINGS),
};

/** Two sequences that decode, beyond the window and in it, and two that go on by a chunk and begin. */
const STEPS: readonly (readonly Omit<BatchEntry, 'ids'>[])[] = [
  [
    { slot: 0, computed: 0, wanted: 'last' },
    { slot: 1, computed: 0, wanted: 'all' },
  ],
  [
    { slot: 0, computed: 9, wanted: 'last' },
    { slot: 1, computed: 3, wanted: 'last' },
    { slot: 2, computed: 0, wanted: 'all' },
  ],
  [
    { slot: 0, computed: 10, wanted: 'last' },
    { slot: 1, computed: 4, wanted: 'all' },
    { slot: 2, computed: 7, wanted: 'all' },
  ],
  [0, 1, 2].map(slot => ({ slot, computed: [11, 8, 12][slot]!, wanted: 'last' as const })),
];
const LENGTHS = [
  [9, 3],
  [1, 1, 7],
  [1, 4, 5],
  [1, 1, 1],
];

for (const model of [GEMMA3N, GEMMA4])
  for (const [kind, open] of Object.entries(KINDS))
    t.test(`${model.name}, ${kind}`, async t => {
      const folder = t.testdir();
      await writeModel(folder, model);
      const decoder = await open(folder);
      t.teardown(() => decoder.dispose());
      const sequences = Array.from({ length: SLOTS }, (_, slot) =>
        randomIds(20, decoder.shape.vocabularySize, slot),
      );
      const wanted = sequences.map(ids => model.reference(ids));
      for (const [step, places] of STEPS.entries()) {
        const entries = places.map((place, i) => ({
          ...place,
          ids: sequences[place.slot]!.slice(place.computed, place.computed + LENGTHS[step]![i]!),
        }));
        const results = await run(decoder, entries);
        entries.forEach(({ slot, computed, ids, wanted: which }, i) => {
          const rows = wanted[slot]!.slice(computed, computed + ids.length);
          const error = relativeError(results[i]!.logits, which === 'all' ? rows : rows.slice(-1));
          t.ok(error < 1e-4, `step ${step}, slot ${slot}: relative error ${error.toExponential(1)}`);
        });
      }
    });
