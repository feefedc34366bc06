import t from 'tap';
import { batched } from '#batching/batched.js';
import { BatchingEncoder } from '#batching/batching-encoder.js';
import { FakeEncoder } from '#test/support/fake-encoder.js';
import { FakeVision, plainPixels } from '#test/support/fake-vision.js';

t.test('texts and pictures of one model', async t => {
  const [texts, pictures] = [new FakeEncoder(), new FakeVision()];
  const service = new BatchingEncoder(batched({ texts, pictures }));
  const one = service.encode([{ ids: [7, 8] }, plainPixels(3), plainPixels(4, 4), { ids: [9] }]);
  const other = service.encode([plainPixels(5)]);
  t.strictSame(
    (await one).map(({ values }) => [...values]),
    [
      [7, 2],
      [3, 2],
      [4, 4],
      [9, 1],
    ],
  );
  t.strictSame([...(await other)[0]!.values], [5, 2]);
  t.strictSame(pictures.runs, [[3, 5], [4]], 'those of one size share a run, of whatever request');
  t.match(service.stats(), { batches: 3, tokens: 3 + 2 * 4 + 8, waiting: 0, running: 0 });
  await service.close();
  t.ok(texts.disposed && pictures.disposed && pictures.aborted);
});

t.test('what a model does not take', async t => {
  const seeing = new BatchingEncoder(batched({ pictures: new FakeVision() }));
  const refused = { code: 'invalid_request', param: 'input' };
  await t.rejects(seeing.encode([{ ids: [1] }]), { ...refused, message: 'input 0 is a text' });
  await t.rejects(seeing.encode([plainPixels(0), plainPixels(0, 3)]), {
    ...refused,
    message: 'input 1 has 3x2 pixels, which the model does not take',
  });
  await t.rejects(seeing.encode([{ width: 2, height: 2, pixels: new Uint8Array(5) }]), refused);
  const reading = new BatchingEncoder(batched({ texts: new FakeEncoder() }));
  await t.rejects(reading.encode([plainPixels(0)]), { ...refused, message: 'input 0 is a picture' });
  await Promise.all([seeing.close(), reading.close()]);
});

t.test('texts and pictures wait in one line', async t => {
  const service = new BatchingEncoder(
    batched({ texts: new FakeEncoder('embedding', true), pictures: new FakeVision() }),
    {
      maxWaiting: 2,
    },
  );
  const first = service.encode([{ ids: [1] }]);
  await new Promise(resolve => setImmediate(() => setImmediate(resolve)));
  const free = service.reserve(1);
  const second = service.encode([plainPixels(1)]);
  await t.rejects(service.encode([plainPixels(2)]), { code: 'queue_full' });
  free();
  const third = service.encode([plainPixels(3)]);
  await Promise.all([t.rejects(first), t.rejects(second), t.rejects(third), service.close()]);
});
