/** What becomes of an engine's prompts by what its cache holds, or has no room for. */
import t from 'tap';
import { Engine } from '#engine/engine.js';
import { FakeDecoder } from '#test/support/fake-decoder.js';
import { greedy } from '#test/support/generation-request.js';
import { all, following, ids, letterEngine as setup, prompt, text } from '#test/support/letter-engine.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';

const LONG = 'abcdefghijklmnopqrstuvwxyz';

t.test('a prompt starts from what an earlier sequence left in the cache', async t => {
  const { engine, decoder } = setup(t);
  const first = await text(engine, greedy(prompt(LONG), { maxTokens: 5 }));
  const events = await all(engine.generate(greedy(prompt(`${LONG}${first}x`), { maxTokens: 2 })));
  t.strictSame(
    decoder.runs.filter(run => run.startsWith('prefill')),
    ['prefill 0 26', 'prefill 0 2'],
  );
  t.match(events.at(-1), { report: { promptTokens: 32, cachedTokens: 30, generatedTokens: 2 } });
  t.match(engine.stats(), { promptTokens: 58, reusedPromptTokens: 30 });
});

t.test('the same prompt again runs one token', async t => {
  const { engine, decoder } = setup(t);
  const request = greedy(prompt(LONG), { maxTokens: 1 });
  await text(engine, request);
  await text(engine, request);
  t.strictSame(decoder.runs, ['prefill 0 26', 'decode 1']);
});

t.test('a chat goes on where all but the window was given up, and another one starts anew', async t => {
  // The next letter depends on as many as the window has, and on no others.
  const next = (tokens: readonly number[]): number => tokens.slice(-8).reduce((a, b) => a + b) % 26;
  const { engine, decoder } = setup(t, { contextLength: 1200, next, traits: { window: 8 } });
  const { engine: untrimmed } = setup(t, { contextLength: 1200, next });
  const answer = async (promptIds: number[]): Promise<number[]> => {
    const request = greedy(promptIds, { maxTokens: 50 });
    const expected = ids(await all(untrimmed.generate(request)));
    t.strictSame(ids(await all(engine.generate(request))), expected);
    return expected;
  };
  let chat = prompt('abc'.repeat(300));
  for (let turn = 0; turn < 3; turn++) chat = [...chat, ...(await answer(chat)), ...prompt('xyz')];
  t.equal(engine.stats().reusedPromptTokens, untrimmed.stats().reusedPromptTokens);
  t.ok(decoder.cells[0]!.filter(id => id === -1).length > 600, 'most was given up');
  await answer([...chat.slice(0, 400), ...prompt('xyz')]);
  t.equal(engine.stats().reusedPromptTokens, untrimmed.stats().reusedPromptTokens - 400);
});

t.test('several answers to one prompt prefill it once', async t => {
  const { engine, decoder } = setup(t, { slots: 3 });
  await Promise.all([1, 2, 3].map(() => text(engine, greedy(prompt(LONG), { maxTokens: 4 }))));
  t.strictSame(decoder.runs, ['prefill 0 26', 'decode 2', 'decode 3', 'decode 3', 'decode 2', 'decode 1']);
});

t.test('prompts start from what their own scope left in the cache, and from nothing else', async t => {
  const { engine } = setup(t, { slots: 8 });
  const reused = async (reuseScope?: string): Promise<number> => {
    const before = engine.stats().reusedPromptTokens;
    const request = greedy(prompt(LONG), { maxTokens: 3 });
    t.equal(await text(engine, reuseScope === undefined ? request : { ...request, reuseScope }), 'abc');
    return engine.stats().reusedPromptTokens - before;
  };
  t.strictSame([await reused(), await reused('salt'), await reused('other')], [0, 0, 0]);
  t.strictSame([await reused('other'), await reused(''), await reused('salt')], [25, 25, 25]);
});

t.test('prefix reuse can be turned off', async t => {
  const { engine, decoder } = setup(t, { options: { reusesPrefix: false } });
  const request = greedy(prompt(LONG), { maxTokens: 1 });
  await text(engine, request);
  await text(engine, request);
  t.strictSame(decoder.runs, ['prefill 0 26', 'prefill 0 26']);
});

t.test('where the cache is too small for all, the youngest gives way and goes on later', async t => {
  const { engine } = setup(t, {
    slots: 3,
    contextLength: 40,
    options: { cacheTokens: 60, reservedTokens: 2 },
  });
  const texts = await Promise.all(
    ['a', 'b', 'c'].map(letter => text(engine, greedy(prompt(letter), { maxTokens: 30 }))),
  );
  const alphabet = LONG.repeat(3);
  t.strictSame(
    texts,
    [1, 2, 3].map(start => alphabet.slice(start, start + 30)),
  );
  t.ok(engine.stats().preemptions > 0);
});

t.test(
  'where chunks differ, prompts are run from their beginning, and what was generated is decoded again',
  async t => {
    const { engine, decoder } = setup(t, {
      contextLength: 40,
      traits: { chunkInvariant: false },
      options: { cacheTokens: 60, reservedTokens: 1, prefillTokens: 100, draftTokens: 4 },
    });
    const letters = 'abcdefghijklmnopqr';
    const answers = await Promise.all(
      ['', 'abc'].map(end => text(engine, greedy(prompt(letters + end), { maxTokens: 19 }))),
    );
    t.strictSame(answers, ['stuvwxyzabcdefghijk', 'defghijklmnopqrstuv']);
    t.ok(engine.stats().preemptions > 0);
    for (const run of decoder.runs) t.match(run, /^decode|^prefill \d (18|21|18\+21)$/);
  },
);

t.test('a cache that cannot hold one sequence is refused', async t => {
  const decoder = new FakeDecoder(2, 28, 40, following);
  t.throws(() => new Engine(decoder, letterTokenizer, { cacheTokens: 39 }), {
    code: 'invalid_configuration',
  });
});
