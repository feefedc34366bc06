/**
 * Steps that are captured as graphs, on the processor: it does not capture anything, but runs them by the
 * same inputs and outputs.
 */
import t from 'tap';
import { CapturedDecode } from '#model/decoder/captured/captured-decode.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import { Environment, OrtError, type Device } from '#runtime/index.js';
import { checkDecoder, relativeError, writeModel } from '#test/support/check-decoder.js';
import { CAPTURING, DISTANT } from '#test/support/distant-device.js';
import { MODELS } from '#test/support/models/index.js';
import { randomIds } from '#test/support/random-tensors.js';
import { decode, prefill } from '#test/support/run-decoder.js';

const environment = new Environment({ logLevel: 'fatal' });
const open = async (folder: string, slots: number, device: Device) =>
  (await loadDecoder(environment, folder, { slots, session: { device, intraOpThreads: 1 } })).decoder;

for (const model of MODELS) {
  t.test(`${model.name}: captured steps have the logits of the formulas`, async t => {
    const folder = t.testdir();
    await writeModel(folder, model);
    const decoder = await open(folder, 3, CAPTURING);
    t.teardown(() => decoder.dispose());
    await checkDecoder(t, decoder, model.reference);
  });
}

t.test('steps of up to 64 sequences are captured, and longer ones agree with them', async t => {
  const folder = t.testdir();
  await writeModel(folder, MODELS[0]!);
  const slots = 66;
  const decoder = await open(folder, slots, CAPTURING);
  t.teardown(() => decoder.dispose());
  let captured = 0;
  const { prototype } = CapturedDecode;
  const run = Object.getOwnPropertyDescriptor(prototype, 'run')!.value as (...args: unknown[]) => void;
  t.intercept(prototype, 'run', {
    value(...args: unknown[]) {
      captured++;
      run.apply(this, args);
    },
  });
  const { vocabularySize } = decoder.shape;
  const sequences = Array.from({ length: slots }, (_, i) => randomIds(6, vocabularySize, i + 1));
  const expected = sequences.map(MODELS[0]!.reference);
  for (let slot = 0; slot < slots; slot++)
    await prefill(decoder, slot, sequences[slot]!.slice(0, 5), 0, 'none');
  for (const count of [66, 65, 64, 63, 2, 1]) {
    const rows = sequences.slice(0, count);
    const logits = await decode(
      decoder,
      rows.map(ids => ids[5]!),
      rows.map(() => 5),
    );
    const error = relativeError(
      logits,
      expected.slice(0, count).map(logits => logits[5]!),
    );
    t.ok(error < 1e-4, `${count} sequences: ${error}`);
  }
  t.equal(captured, 4);
});

t.test('the event loop turns between two steps', async t => {
  const folder = t.testdir();
  await writeModel(folder, MODELS[0]!);
  const decoder = await open(folder, 1, CAPTURING);
  t.teardown(() => decoder.dispose());
  let turned = false;
  setImmediate(() => (turned = true));
  await decode(decoder, [5], [0]);
  t.ok(turned);
});

t.test('where nothing can be captured, steps are run as usual', async t => {
  const folder = t.testdir();
  await writeModel(folder, MODELS[0]!);
  let refused = 0;
  const device: Device = {
    ...CAPTURING,
    addTo: (_, captures) => {
      if (!captures) return;
      refused++;
      throw new OrtError('FAIL', 'not all nodes are on the device');
    },
  };
  const { decoder, path } = await loadDecoder(environment, folder, { slots: 1, session: { device } });
  t.teardown(() => decoder.dispose());
  t.equal(refused, 1);
  t.match(path.reason, /; decode steps are not captured as graphs: .*not all nodes are on the device$/);
  t.equal((await decode(decoder, [5], [0])).length, decoder.shape.vocabularySize);
});

t.test('a decoder that is stopped fails at its next step', async t => {
  const folder = t.testdir();
  await writeModel(folder, MODELS[0]!);
  for (const device of [CAPTURING, DISTANT]) {
    const decoder = await open(folder, 1, device);
    decoder.abort();
    await t.rejects(decode(decoder, [5], [0]), { code: 'runtime_failure' });
    decoder.dispose();
  }
});
