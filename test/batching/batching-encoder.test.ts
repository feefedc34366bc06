import t, { type Test } from 'tap';
import { batched } from '#batching/batched.js';
import { BatchingEncoder, type BatchingOptions } from '#batching/batching-encoder.js';
import type { EncoderInput, EncoderTask } from '#model/encoder/contract.js';
import { FakeEncoder } from '#test/support/fake-encoder.js';

/** A service over a fake encoder whose runs end when the test says so. */
function open(
  t: Test,
  options: Partial<BatchingOptions> = {},
  task: EncoderTask = 'embedding',
): { encoder: FakeEncoder; service: BatchingEncoder } {
  const encoder = new FakeEncoder(task, true);
  const service = new BatchingEncoder(batched({ texts: encoder }), options);
  t.teardown(() => service.close());
  return { encoder, service };
}

/** A text of a length, told by its first id. */
function text(id: number, length = 10): EncoderInput {
  return { ids: [id, ...new Array<number>(length - 1).fill(0)] };
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(() => setImmediate(resolve)));

t.test('requests of one turn share a batch, and each gets its own results in order', async t => {
  const { encoder, service } = open(t);
  const first = service.encode([text(1), text(2, 9)]);
  const second = service.encode([text(3)]);
  await turn();
  t.equal(encoder.runs.length, 1);
  t.strictSame(service.stats(), { waiting: 0, running: 3, batches: 1, tokens: 29, padding: 1 });
  encoder.finish();
  t.strictSame(
    (await first).map(({ values }) => [...values]),
    [
      [1, 10],
      [2, 9],
    ],
  );
  t.strictSame(
    (await second).map(({ values }) => [...values]),
    [[3, 10]],
  );
  t.equal(service.stats().running, 0);
});

t.test('a lone request starts at once; those that come meanwhile are merged', async t => {
  const { encoder, service } = open(t);
  const first = service.encode([text(1)]);
  await turn();
  t.strictSame(encoder.runs, [[1]]);
  const others = [service.encode([text(2)]), service.encode([text(3)])];
  await turn();
  t.equal(encoder.runs.length, 1, 'one run at a time');
  t.equal(service.stats().waiting, 2);
  encoder.finish();
  await first;
  await turn();
  t.strictSame(encoder.runs[1], [2, 3]);
  encoder.finish();
  await Promise.all(others);
});

t.test('several batches may run at once', async t => {
  const { encoder, service } = open(t, { concurrency: 2, maxTokens: 10 });
  const request = service.encode([text(1), text(2), text(3)]);
  await turn();
  t.equal(encoder.runs.length, 2);
  encoder.finish();
  encoder.finish();
  await turn();
  t.equal(encoder.runs.length, 3);
  encoder.finish();
  t.equal((await request).length, 3);
});

t.test('a large request of one client does not starve another', async t => {
  const { encoder, service } = open(t, { maxTokens: 100 });
  const large = service.encode(Array.from({ length: 100 }, (_, i) => text(i)));
  await turn();
  const small = service.encode([text(999, 20)]);
  let answered = false;
  void small.then(() => (answered = true));
  while (!answered) {
    encoder.finish();
    await turn();
  }
  t.ok(encoder.runs.length <= 4, `after ${encoder.runs.length} runs`);
  await service.close();
  await t.rejects(large, { code: 'shutting_down' });
});

t.test('a request that is aborted leaves the line; what runs with it is not disturbed', async t => {
  const { encoder, service } = open(t, { maxTokens: 20 });
  const controller = new AbortController();
  const taken = service.encode([text(1), text(2), text(3)], controller);
  const left = service.encode([text(4)]);
  await turn();
  controller.abort();
  await t.rejects(taken, { code: 'cancelled' });
  t.equal(service.stats().waiting, 1);
  encoder.finish();
  await turn();
  t.strictSame(encoder.runs.flat().sort(), [1, 2, 4].sort());
  encoder.finish();
  t.equal((await left)[0]?.values[0], 4);
  await t.rejects(service.encode([text(5)], controller), { code: 'cancelled' });
});

t.test('an aborted signal of a request that is answered does nothing', async t => {
  const { encoder, service } = open(t);
  const controller = new AbortController();
  const request = service.encode([text(1)], controller);
  await turn();
  encoder.finish();
  await request;
  controller.abort();
  const next = service.encode([text(2)]);
  await turn();
  encoder.finish();
  t.equal((await next).length, 1);
});

t.test('a run that fails takes its own requests with it, and nothing else', async t => {
  const { encoder, service } = open(t, { maxTokens: 20 });
  encoder.failure = new Error('no memory');
  const failing = service.encode([text(1), text(2), text(3)]);
  const other = service.encode([text(4)]);
  await turn();
  encoder.finish();
  await t.rejects(failing, { message: 'no memory' });
  await turn();
  t.strictSame(encoder.runs[1], [4]);
  encoder.finish();
  t.equal((await other)[0]?.values[0], 4);
});

t.test('the line is bounded', async t => {
  const { service } = open(t, { maxWaiting: 2 });
  const requests = [service.encode([text(1), text(2)])];
  await t.rejects(service.encode([text(3)]), { code: 'queue_full' });
  await turn();
  requests.push(service.encode([text(4)]));
  await service.close();
  for (const request of requests) await t.rejects(request, { code: 'shutting_down' });
});

t.test('one request may have any number of inputs where none waits, if any may wait', async t => {
  const { service } = open(t, { maxWaiting: 2, maxTokens: 10 });
  const three = [text(1), text(2), text(3)];
  const requests = [service.encode(three)];
  await t.rejects(service.encode([text(4)]), { code: 'queue_full' });
  await turn();
  t.match(service.stats(), { running: 1, waiting: 2 });
  await t.rejects(service.encode(three), { code: 'queue_full' });
  await service.close();
  await t.rejects(requests[0]!, { code: 'shutting_down' });
});

t.test('with a line of no places, what can run at once runs', async t => {
  const { encoder, service } = open(t, { maxWaiting: 0 });
  const first = service.encode([text(1), text(2)]);
  await turn();
  await t.rejects(service.encode([text(3)]), { code: 'queue_full' });
  encoder.finish();
  t.equal((await first).length, 2);
  await turn();
  const second = service.encode([text(3)]);
  await turn();
  encoder.finish();
  t.equal((await second).length, 1);
});

t.test('a client that fills the line keeps no other one out', async t => {
  const { service } = open(t, { maxWaiting: 4, maxTokens: 10 });
  const { signal } = new AbortController();
  const texts = (count: number): EncoderInput[] => Array.from({ length: count }, (_, i) => text(i));
  const requests = [service.encode(texts(5), { client: 'a', signal })];
  await turn();
  await t.rejects(service.encode(texts(1), { client: 'a', signal }), { code: 'queue_full' });
  await t.rejects(service.encode(texts(3), { client: 'b', signal }), { code: 'queue_full' });
  requests.push(service.encode(texts(2), { client: 'b', signal }));
  await service.close();
  for (const request of requests) await t.rejects(request, { code: 'shutting_down' });
});

t.test('places are kept for texts that are being read, and given back', async t => {
  const { encoder, service } = open(t, { maxWaiting: 3 });
  const giveBack = service.reserve(2, 'a');
  const reading = service.reserve(1, 'a');
  t.throws(() => service.reserve(1, 'a'), { code: 'queue_full' });
  await t.rejects(service.encode([text(1)], { client: 'a' }), { code: 'queue_full' });
  giveBack();
  const controller = new AbortController();
  const taken = service.encode([text(1), text(2)], { client: 'a', signal: controller.signal });
  await t.rejects(service.encode([text(3)], { client: 'a' }), { code: 'queue_full' });
  controller.abort();
  await t.rejects(taken, { code: 'cancelled' });
  reading();
  const running = service.encode([text(3)], { client: 'a' });
  await turn();
  service.reserve(3, 'a')();
  encoder.finish();
  await running;
  await service.close();
  t.throws(() => service.reserve(1), { code: 'shutting_down' });
});

t.test('results that are no numbers end their own request, and no other', async t => {
  for (const value of [NaN, Infinity, -Infinity]) {
    const { encoder, service } = open(t);
    encoder.spoil = (values, { ids }) => {
      if (ids[0] === 2) values[1] = value;
    };
    const broken = service.encode([text(1), text(2)]);
    const other = service.encode([text(3)]);
    await turn();
    t.equal(encoder.runs.length, 1);
    encoder.finish();
    await t.rejects(broken, { code: 'broken_model' });
    t.equal((await other)[0]?.values[0], 3);
  }
});

t.test('closing ends what waits and what runs, and frees the model once', async t => {
  const { encoder, service } = open(t);
  const running = service.encode([text(1)]);
  await turn();
  const waiting = service.encode([text(2)]);
  const closing = [service.close(), service.close()];
  await t.rejects(running, { code: 'shutting_down' });
  await t.rejects(waiting, { code: 'shutting_down' });
  await Promise.all(closing);
  t.ok(encoder.disposed);
  await t.rejects(service.encode([text(3)]), { code: 'shutting_down' });
});

t.test('no inputs, no results', async t => {
  const { service } = open(t);
  t.strictSame(await service.encode([]), []);
});

t.test('inputs that do not fit the model are refused', async t => {
  const { service, encoder } = open(t);
  const cases: [EncoderInput, string, RegExp][] = [
    [{ ids: [] }, 'invalid_request', /no tokens/],
    [text(1, 101), 'context_length_exceeded', /101 tokens/],
    [{ ids: [1000] }, 'invalid_request', /id 1000/],
    [{ ids: [-1] }, 'invalid_request', /id -1/],
    [{ ids: [1.5] }, 'invalid_request', /id 1.5/],
    [{ ids: [1, 2], typeIds: [0] }, 'invalid_request', /1 segments for 2 tokens/],
    [{ ids: [1], typeIds: [2] }, 'invalid_request', /segments other than 0 to 1/],
  ];
  for (const [input, code, message] of cases)
    await t.rejects(service.encode([text(1), input]), { code, message, param: 'input' });
  t.strictSame(encoder.runs, []);
  const filler = open(t, {}, 'fill-mask').service;
  await t.rejects(filler.encode([{ ids: [1] }]), { code: 'invalid_request', message: /no position/ });
  await t.rejects(filler.encode([{ ids: [1], positions: [1] }]), { code: 'invalid_request' });
});
