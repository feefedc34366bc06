import t from 'tap';
import { EventChannel } from '#engine/event-channel.js';
import type { GenerationEvent } from '#engine/types.js';

const delta = (text: string): GenerationEvent => ({
  type: 'delta',
  text,
  tokens: [],
  finishReason: undefined,
});

t.test('hands out events in order and ends', async t => {
  const channel = new EventChannel(() => t.fail('not abandoned'));
  const read: string[] = [];
  const reader = (async () => {
    for await (const event of channel) if (event.type === 'delta') read.push(event.text);
  })();
  for (const text of ['a', 'b', 'c']) {
    channel.push(delta(text));
    await new Promise(setImmediate);
  }
  channel.end();
  await reader;
  t.strictSame(read, ['a', 'b', 'c']);
});

t.test('joins what a slow reader did not fetch', async t => {
  const channel = new EventChannel(() => undefined);
  const token = (id: number) => ({ id, logprobs: undefined });
  const report = {
    promptTokens: 1,
    sourceTokens: 0,
    cachedTokens: 0,
    generatedTokens: 3,
    queueMs: 0,
    prefillMs: 1,
    decodeMs: 2,
  };
  channel.push({ type: 'prompt', logprobs: [] });
  channel.push({ type: 'delta', text: 'a', tokens: [token(1)], finishReason: undefined });
  channel.push({ type: 'delta', text: 'b', tokens: [token(2), token(3)], finishReason: 'stop', report });
  channel.end();
  const events: GenerationEvent[] = [];
  for await (const event of channel) events.push(event);
  t.strictSame(events, [
    { type: 'prompt', logprobs: [] },
    { type: 'delta', text: 'ab', tokens: [token(1), token(2), token(3)], finishReason: 'stop', report },
  ]);
});

t.test('an error comes after what was pushed before it', async t => {
  const channel = new EventChannel(() => t.fail('not abandoned'));
  channel.push(delta('a'));
  channel.end(new Error('broken'));
  const iterator = channel[Symbol.asyncIterator]();
  t.match(await iterator.next(), { value: { text: 'a' } });
  await t.rejects(iterator.next(), { message: 'broken' });
});

t.test('tells when the reader leaves early, and only then', async t => {
  let abandoned = 0;
  const channel = new EventChannel(() => abandoned++);
  channel.push(delta('a'));
  for await (const _ of channel) break;
  t.equal(abandoned, 1);
});
