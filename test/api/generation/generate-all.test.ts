import t from 'tap';
import type { GenerationRequest } from '#engine/types.js';
import { generateAll } from '#api/generation/generate-all.js';
import { delta, FakeEngine, silence } from '#test/support/fake-engine.js';
import { GREEDY } from '#test/support/generation-request.js';

const requests = (count: number): GenerationRequest[] =>
  Array.from({ length: count }, (_, index) => ({
    id: String(index),
    promptIds: [index],
    sampling: { ...GREEDY, temperature: 1 },
    stop: { maxTokens: 3, minTokens: 0, stopTokenIds: new Set(), stopStrings: [], includeStopString: false },
    logprobs: undefined,
    promptLogprobs: undefined,
  }));

const never = new AbortController();

t.test('events of all sequences, each in its order', async t => {
  const engine = new FakeEngine();
  const texts = ['', '', ''];
  for await (const [index, event] of generateAll(engine, requests(3), never)) {
    if (event.type === 'delta') texts[index] += event.text;
  }
  t.strictSame(texts, ['bcd', 'cde', 'def']);
});

t.test('a sequence that is ahead does not wait for one that is silent', async t => {
  const engine = new FakeEngine((request, signal) =>
    request.id === '0' ? silence(request, signal) : oneDelta(),
  );
  for await (const [index] of generateAll(engine, requests(2), never)) {
    t.equal(index, 1);
    break;
  }
});

t.test('leaving the loop cancels them all', async t => {
  const engine = new FakeEngine();
  for await (const _ of generateAll(engine, requests(3), never)) break;
  t.equal(engine.running.size, 0);
  t.strictSame(engine.cancelled, ['0', '1', '2']);
});

t.test('the signal cancels them all, even if nobody reads', async t => {
  const engine = new FakeEngine(silence);
  const controller = new AbortController();
  generateAll(engine, requests(2), controller);
  t.equal(engine.running.size, 2);
  controller.abort();
  t.equal(engine.running.size, 0);
  const late = generateAll(engine, requests(1), controller);
  await t.rejects(late[Symbol.asyncIterator]().next(), { code: 'cancelled' });
});

t.test('if one is refused, none runs', async t => {
  const engine = new FakeEngine(silence);
  engine.capacity = 2;
  t.throws(() => generateAll(engine, requests(3), never), { code: 'queue_full' });
  t.equal(engine.running.size, 0);
});

t.test('if one fails, the others are cancelled and its error is told', async t => {
  const engine = new FakeEngine((request, signal) =>
    request.id === '1' ? failing() : silence(request, signal),
  );
  await t.rejects(
    async () => {
      for await (const _ of generateAll(engine, requests(3), never));
    },
    { message: 'broken' },
  );
  t.strictSame(engine.cancelled, ['0', '2']);
});

t.test('many sequences make no warning about listeners', async t => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): unknown => warnings.push(warning);
  process.on('warning', onWarning);
  for await (const _ of generateAll(new FakeEngine(), requests(50), never));
  await new Promise(setImmediate);
  process.off('warning', onWarning);
  t.strictSame(warnings, []);
});

async function* oneDelta(): AsyncGenerator<ReturnType<typeof delta>> {
  yield delta('a');
}

async function* failing(): AsyncGenerator<ReturnType<typeof delta>> {
  yield delta('a');
  throw new Error('broken');
}
