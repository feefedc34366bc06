/** One run of a real decoder, of any kind, with all kinds of entries. */
import path from 'node:path';
import t, { type Test } from 'tap';
import { openDecoder as openSlots } from '#bench/support/open-decoder.js';
import type { BatchEntry, Decoder } from '#model/decoder/contract.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import { Environment } from '#runtime/index.js';
import { relativeError, writeModel } from '#test/support/check-decoder.js';
import { CAPTURING } from '#test/support/distant-device.js';
import { exportLlama } from '#test/support/exported-llama.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { openPagedDecoder } from '#test/support/open-paged-decoder.js';
import { llamaLogits } from '#test/reference/llama.js';
import { randomIds, randomTensors } from '#test/support/random-tensors.js';
import { run } from '#test/support/run-decoder.js';

const CONFIG = { ...LLAMA, head_dim: 16 };
const TENSORS = randomTensors(llamaShapes(CONFIG));
const SLOTS = 6;
const SETTINGS = { intraOpThreads: 1 };
const environment = new Environment({ logLevel: 'fatal' });

const exported =
  (form: Parameters<typeof exportLlama>[3]) =>
  async (folder: string): Promise<Decoder> => {
    await exportLlama(path.join(folder, 'model.onnx'), CONFIG, TENSORS, form);
    const options = { format: 'onnx', slots: SLOTS, session: SETTINGS } as const;
    return (await loadDecoder(environment, folder, options)).decoder;
  };

const KINDS: Readonly<Record<string, (folder: string) => Promise<Decoder>>> = {
  mixed: folder => openSlots(environment, folder, SLOTS, 'f32', SETTINGS),
  'in slots': folder => openSlots(environment, folder, SLOTS, 'f32', SETTINGS, false),
  'in slots, captured': async folder => {
    const options = { slots: SLOTS, session: { ...SETTINGS, device: CAPTURING } };
    return (await loadDecoder(environment, folder, options)).decoder;
  },
  paged: folder => openPagedDecoder(environment, folder, { slots: SLOTS, blockSize: 4 }, SETTINGS),
  'in place': exported({ attention: 'grouped', positions: 'input' }),
  growing: exported({ attention: 'primitive', positions: 'input' }),
  'growing, the last logits only': exported({ attention: 'primitive', positions: 'input', logits: 'last' }),
  'growing, without batches': exported({ attention: 'primitive', positions: 'from past' }),
  'growing, without chunks': exported({
    attention: 'primitive',
    positions: 'input',
    cacheBranch: true,
    causal: false,
  }),
};

/**
 * Sequences of which two decode, one goes on by a chunk, and three begin, one of them with all its logits.
 */
const SEQUENCES = Array.from({ length: SLOTS }, (_, slot) => randomIds(12, CONFIG.vocab_size, slot + 1));
const ENTRIES: readonly BatchEntry[] = [
  { slot: 0, ids: SEQUENCES[0]!.slice(6, 7), computed: 6, wanted: 'last' },
  { slot: 1, ids: SEQUENCES[1]!.slice(3, 4), computed: 3, wanted: 'last' },
  { slot: 2, ids: SEQUENCES[2]!.slice(5, 9), computed: 5, wanted: 'all' },
  { slot: 3, ids: SEQUENCES[3]!.slice(0, 7), computed: 0, wanted: 'last' },
  { slot: 4, ids: SEQUENCES[4]!.slice(0, 3), computed: 0, wanted: 'last' },
  { slot: 5, ids: SEQUENCES[5]!.slice(0, 5), computed: 0, wanted: 'all' },
];

async function open(t: Test, kind: string): Promise<Decoder> {
  const folder = t.testdir();
  await writeModel(folder, { config: CONFIG, tensors: TENSORS });
  const decoder = await KINDS[kind]!(folder);
  t.teardown(() => decoder.dispose());
  const begun = ENTRIES.filter(({ computed }) => computed > 0);
  await run(
    decoder,
    begun.map(({ slot, computed }) => {
      return { slot, ids: SEQUENCES[slot]!.slice(0, computed), computed: 0, wanted: 'none' };
    }),
  );
  return decoder;
}

/** How far an entry's logits are from the formulas. */
function errorOf({ slot, ids, computed, wanted }: BatchEntry, logits: Float32Array): number {
  const all = llamaLogits(CONFIG, TENSORS, SEQUENCES[slot]!.slice(0, computed + ids.length));
  return relativeError(logits, wanted === 'all' ? all.slice(computed) : all.slice(-1));
}

for (const kind of Object.keys(KINDS)) {
  t.test(`${kind}: entries of all kinds have the logits of the formulas, all at once`, async t => {
    const decoder = await open(t, kind);
    for (let time = 0; time < 2; time++) {
      const results = await run(decoder, ENTRIES);
      const errors = results.map(({ logits }, i) => errorOf(ENTRIES[i]!, logits));
      t.ok(Math.max(...errors) < 1e-4, errors.join());
    }
  });

  t.test(`${kind}: a prompt that fails does not end those that decode`, async t => {
    const decoder = await open(t, kind);
    const broken = { ...ENTRIES[2]!, ids: [1e6, 1e6] };
    const { results, runs } = await decoder.run([ENTRIES[0]!, ENTRIES[1]!, broken]);
    t.match(results[2], { error: { code: 'runtime_failure' } });
    if (decoder.traits.packs) t.strictSame(runs, [], 'there was but one run');
    else
      for (const [i, result] of results.slice(0, 2).entries())
        t.ok(!('error' in result) && errorOf(ENTRIES[i]!, result.logits) < 1e-4);
    const after = await run(decoder, ENTRIES);
    t.ok(after.every(({ logits }, i) => errorOf(ENTRIES[i]!, logits) < 1e-4));
  });
}
