import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadDecoder } from '../../src/model/load-decoder.js';
import { Environment, type Device } from '../../src/runtime/index.js';
import { DISTANT } from '../support/distant-device.js';
import { randomLlama } from '../support/random-llama.js';

const environment = new Environment({ logLevel: 'fatal' });
const HALF: Device = { ...DISTANT, name: 'cuda:0', wantsHalfFloats: true };

t.test('a device whose attention wants 16-bit floats gets them by default', async t => {
  const folder = await randomLlama(t);
  for (const [precision, built] of [
    [undefined, 'decoder-f16'],
    ['int8', 'decoder-int8-half'],
  ] as const) {
    const { decoder } = await loadDecoder(environment, folder, {
      slots: 2,
      precision,
      session: { device: HALF },
    });
    t.equal(decoder.shape.cacheType, 'float16');
    const builds = readdirSync(join(folder, '.kvasir'));
    t.ok(
      builds.some(name => name.startsWith(`${built}-`)),
      builds.join(),
    );
    const logits = await decoder.prefill(0, [5, 6, 7], 0, 'last');
    decoder.copySlot(0, 1, 3);
    decoder.swapSlots(0, 1, 3);
    const [next] = [await decoder.decode([8], [3])];
    t.ok(logits.every(Number.isFinite) && next.every(Number.isFinite));
    decoder.dispose();
  }
});

t.test('numbers that a device has no kernels for are refused', async t => {
  const folder = await randomLlama(t);
  await t.rejects(loadDecoder(environment, folder, { slots: 1, precision: 'bf16' }), {
    code: 'invalid_configuration',
    message: `${folder}: bf16 cannot run on cpu; take one of f32, f16, int8, w8a8, int4`,
  });
  await t.rejects(
    loadDecoder(environment, folder, { slots: 1, precision: 'f32', session: { device: HALF } }),
    {
      code: 'invalid_configuration',
      message: `${folder}: f32 cannot run on cuda:0; take one of f16, bf16, int8, int4`,
    },
  );
});

t.test('slots that do not fit a device are refused with what would help', async t => {
  const folder = await randomLlama(t);
  for (const device of [DISTANT, { ...DISTANT, isHostMemory: true }])
    await t.rejects(loadDecoder(environment, folder, { slots: 2 ** 36, session: { device } }), {
      code: 'runtime_failure',
      message:
        /slots of 96 tokens do not fit distant: \d+ bytes of Cpu memory cannot be had; set fewer slots or a shorter context/,
    });
});
