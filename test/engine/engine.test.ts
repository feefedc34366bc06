import t from 'tap';
import type { EngineOptions } from '#engine/engine-options.js';
import { Engine } from '#engine/engine.js';
import type { GenerationEvent, GenerationRequest } from '#engine/types.js';
import { KvasirError } from '#errors.js';
import type { DecoderTraits } from '#model/decoder/contract.js';
import { FakeDecoder } from '#test/support/fake-decoder.js';
import { greedy, GREEDY } from '#test/support/generation-request.js';
import { END, letterTokenizer } from '#test/support/letter-tokenizer.js';

interface Setup {
  readonly slots?: number;
  readonly contextLength?: number;
  readonly next?: (tokens: readonly number[]) => number;
  readonly options?: Partial<EngineOptions>;
  readonly traits?: Partial<DecoderTraits>;
}

/** An engine that writes the alphabet on from the prompt's last letter, and the decoder beneath it. */
function setup(
  t: { teardown(close: () => Promise<void>): void },
  { slots = 2, contextLength = 64, next = following, options, traits }: Setup = {},
): { engine: Engine; decoder: FakeDecoder } {
  const decoder = new FakeDecoder(slots, letterTokenizer.vocabularySize, contextLength, next);
  decoder.traits = { ...decoder.traits, ...traits };
  const engine = new Engine(decoder, letterTokenizer, options);
  t.teardown(() => engine.close());
  return { engine, decoder };
}

const following = (tokens: readonly number[]): number => (tokens.at(-1)! + 1) % 26;
const prompt = (text: string): number[] => letterTokenizer.encode(text);

async function all(events: AsyncIterable<GenerationEvent>): Promise<GenerationEvent[]> {
  const list: GenerationEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

async function text(engine: Engine, request: GenerationRequest): Promise<string> {
  let result = '';
  for await (const event of engine.generate(request)) if (event.type === 'delta') result += event.text;
  return result;
}

/** The token ids that were generated. */
function ids(events: readonly GenerationEvent[]): number[] {
  return events.flatMap(event => (event.type === 'delta' ? event.tokens.map(({ id }) => id) : []));
}

const steps = (count: number): Promise<void> =>
  new Promise(resolve => {
    const wait = (left: number): void => void (left > 0 ? setImmediate(wait, left - 1) : resolve());
    wait(count * 4);
  });

t.test('generates until maxTokens, and says so', async t => {
  const { engine } = setup(t);
  const events = await all(engine.generate(greedy(prompt('abc'), { maxTokens: 4 })));
  t.equal(events.map(event => (event.type === 'delta' ? event.text : '')).join(''), 'defg');
  t.match(events.at(-1), { finishReason: 'length' });
});

t.test('a stop token ends it and has no text', async t => {
  const { engine } = setup(t, { next: tokens => (tokens.length < 5 ? following(tokens) : END) });
  const events = await all(engine.generate(greedy(prompt('abc'), { stopTokenIds: new Set([END]) })));
  t.equal(events.map(event => (event.type === 'delta' ? event.text : '')).join(''), 'de');
  t.match(events.at(-1), { finishReason: 'stop', tokens: [{ id: END }] });
});

t.test('stop tokens are not drawn before minTokens', async t => {
  const { engine } = setup(t, { next: () => 5 });
  const events = await all(
    engine.generate(greedy(prompt('a'), { minTokens: 3, stopTokenIds: new Set([5]), maxTokens: 9 })),
  );
  t.strictSame(ids(events), [6, 6, 6, 5]);
});

t.test('a stop string over several tokens ends it, with and without the string itself', async t => {
  const { engine } = setup(t);
  t.equal(await text(engine, greedy(prompt('a'), { stopStrings: ['efg'] })), 'bcd');
  t.equal(
    await text(engine, greedy(prompt('a'), { stopStrings: ['efg'], includeStopString: true })),
    'bcdefg',
  );
});

t.test('text that may become a stop string is shown when the sequence ends otherwise', async t => {
  const { engine } = setup(t);
  t.equal(await text(engine, greedy(prompt('a'), { stopStrings: ['defgz'], maxTokens: 5 })), 'bcdef');
});

t.test('ends at the end of the context', async t => {
  const { engine } = setup(t, { contextLength: 8 });
  const events = await all(engine.generate(greedy(prompt('abcde'), { maxTokens: 100 })));
  t.equal(events.length, 3);
  t.match(events.at(-1), { finishReason: 'length' });
});

t.test('long prompts are prefilled in chunks between which others decode', async t => {
  // However long a run took, one decode step earns the next chunk.
  const { engine, decoder } = setup(t, { options: { prefillTokens: 2, prefillShare: 1e9 } });
  await Promise.all([
    text(engine, greedy(prompt('a'), { maxTokens: 40 })),
    text(engine, greedy(prompt('abcdefg'), { maxTokens: 1 })),
  ]);
  t.match(
    decoder.runs.join(', '),
    // The last token of the prompt runs with those that decode.
    /^prefill 0 1, (decode 1, )*prefill 1 2, (decode 1, ){1,2}prefill 1 2, decode 1, prefill 1 2, decode 2, decode 1, /,
  );
});

t.test('waits for a slot in order of arrival', async t => {
  const { engine } = setup(t, { slots: 1 });
  const order: string[] = [];
  await Promise.all(
    ['a', 'b', 'c'].map(async letter => {
      await text(engine, greedy(prompt(letter), { maxTokens: 3 }));
      order.push(letter);
    }),
  );
  t.strictSame(order, ['a', 'b', 'c']);
});

t.test('log-probabilities are of the model itself, before temperature and penalties', async t => {
  const { engine } = setup(t);
  const request = greedy(prompt('a'), { maxTokens: 1, logprobs: 2 });
  const biased = { ...request, sampling: { ...GREEDY, logitBias: new Map([[9, 50]]) } };
  const [event] = await all(engine.generate(biased));
  const normalizer = Math.log(Math.exp(2) + Math.exp(1) + 26);
  t.match(event, { tokens: [{ id: 9, logprobs: { id: 9, top: [{ id: 1 }, { id: 2 }] } }] });
  const { logprobs } = (event as GenerationEvent & { type: 'delta' }).tokens[0]!;
  t.ok(Math.abs(logprobs!.logprob + normalizer) < 1e-9);
  t.ok(Math.abs(logprobs!.top[0]!.logprob - (2 - normalizer)) < 1e-9);
});

t.test('log-probabilities of the prompt, whatever the chunks', async t => {
  const { engine } = setup(t, { options: { prefillTokens: 2 } });
  const [event] = await all(engine.generate(greedy(prompt('abdef'), { promptLogprobs: 1, maxTokens: 1 })));
  const normalizer = Math.log(Math.exp(2) + Math.exp(1) + 26);
  if (event?.type !== 'prompt') throw new Error('the prompt comes first');
  t.equal(event.logprobs[0], undefined);
  const expected = [2, 1, 2, 2].map(logit => logit - normalizer);
  event.logprobs.slice(1).forEach((entry, i) => t.ok(Math.abs(entry!.logprob - expected[i]!) < 1e-9));
});

t.test('refuses what cannot run, and goes on', async t => {
  const { engine } = setup(t, { contextLength: 8 });
  const refused = (request: GenerationRequest, code: string): void => {
    t.throws(() => engine.generate(request), { code });
  };
  refused(greedy([]), 'invalid_request');
  refused(greedy([28]), 'invalid_request');
  refused(greedy([-1]), 'invalid_request');
  refused(greedy([0.5]), 'invalid_request');
  refused(greedy(prompt('abcdefgh')), 'context_length_exceeded');
  t.equal(await text(engine, greedy(prompt('abcdefg'))), 'h');
});

t.test('a full queue refuses, and has room again later', async t => {
  const { engine } = setup(t, { slots: 1, options: { maxWaiting: 1 } });
  const first = text(engine, greedy(prompt('a')));
  await steps(2);
  const second = text(engine, greedy(prompt('b')));
  t.throws(() => engine.generate(greedy(prompt('c'))), { code: 'queue_full' });
  await Promise.all([first, second]);
  t.equal(await text(engine, greedy(prompt('c'), { maxTokens: 2 })), 'de');
});

t.test('an aborted signal ends the iterator with cancelled and frees the slot within a step', async t => {
  const { engine } = setup(t, { contextLength: 100_000 });
  const controller = new AbortController();
  const reading = all(engine.generate(greedy(prompt('a'), { maxTokens: 90_000 }), controller.signal));
  await steps(3);
  t.equal(engine.stats().running, 1);
  controller.abort();
  await t.rejects(reading, { code: 'cancelled' });
  await steps(2);
  t.match(engine.stats(), { running: 0, waiting: 0 });
});

t.test('a signal that is aborted before the start starts nothing', async t => {
  const { engine, decoder } = setup(t);
  await t.rejects(all(engine.generate(greedy(prompt('a')), AbortSignal.abort())), { code: 'cancelled' });
  t.strictSame(decoder.runs, []);
});

t.test('a waiting request is cancelled without ever running', async t => {
  const { engine, decoder } = setup(t, { slots: 1 });
  const first = text(engine, greedy(prompt('a'), { maxTokens: 20 }));
  const controller = new AbortController();
  const second = all(engine.generate(greedy(prompt('zzzzz')), controller.signal));
  await steps(1);
  controller.abort();
  await t.rejects(second, { code: 'cancelled' });
  await first;
  t.notOk(decoder.runs.includes('prefill 0 5'));
});

t.test('a reader that leaves frees the slot', async t => {
  const { engine } = setup(t, { contextLength: 100_000 });
  for await (const _ of engine.generate(greedy(prompt('a'), { maxTokens: 90_000 }))) break;
  await steps(2);
  t.equal(engine.stats().running, 0);
});

t.test('finished requests leave no listener on their signal', async t => {
  const { engine } = setup(t);
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
  await all(engine.generate(greedy(prompt('a')), signal));
  t.equal(listeners, 0);
});

t.test('a run that fails takes only its own sequences with it', async t => {
  const { engine, decoder } = setup(t);
  const failing = all(engine.generate(greedy(prompt('ab'), { maxTokens: 40 })));
  const rejected = t.rejects(failing, { code: 'runtime_failure' });
  await steps(2);
  decoder.failure = new KvasirError('runtime_failure', 'broken');
  await rejected;
  t.equal(await text(engine, greedy(prompt('ab'), { maxTokens: 2 })), 'cd');
});

t.test('close ends what runs and waits, refuses what comes, and frees the decoder', async t => {
  const { engine, decoder } = setup(t, { slots: 1, contextLength: 100_000 });
  const running = all(engine.generate(greedy(prompt('a'), { maxTokens: 90_000 })));
  const waiting = all(engine.generate(greedy(prompt('b'))));
  const ended = Promise.all([
    t.rejects(running, { code: 'shutting_down' }),
    t.rejects(waiting, { code: 'shutting_down' }),
  ]);
  await steps(2);
  await engine.close();
  await ended;
  t.ok(decoder.disposed);
  t.throws(() => engine.generate(greedy(prompt('a'))), { code: 'shutting_down' });
});

t.test('prompts that arrive together are prefilled in one run', async t => {
  const { engine, decoder } = setup(t, { slots: 3 });
  const texts = await Promise.all(
    ['abc', 'k', 'xy'].map(letters => text(engine, greedy(prompt(letters), { maxTokens: 3 }))),
  );
  t.strictSame(texts, ['def', 'lmn', 'zab']);
  t.equal(decoder.runs[0], 'prefill 0 3+1+2');
});

const LONG = 'abcdefghijklmnopqrstuvwxyz';

t.test('where a run may mix, prompts and running sequences share it', async t => {
  const { engine, decoder } = setup(t, { slots: 3, traits: { mixes: true }, options: { prefillTokens: 5 } });
  const texts = ['a', 'abcdefg', 'bcd'].map(start => text(engine, greedy(prompt(start), { maxTokens: 4 })));
  t.strictSame(await Promise.all(texts), ['bcde', 'hijk', 'efgh']);
  t.strictSame(decoder.runs.slice(0, 3), ['mixed 0:1 1:4', 'mixed 0:1 1:3 2:2', 'mixed 0:1 1:1 2:1']);
});

t.test('log-probabilities of prompts in mixed runs are those of separate ones', async t => {
  const texts = ['abcdefghi', 'b', 'bcdf'];
  const [mixed, separate] = await Promise.all(
    [true, false].map(async mixes => {
      const { engine } = setup(t, { slots: 3, traits: { mixes }, options: { prefillTokens: 4 } });
      return Promise.all(
        texts.map(start => {
          const request = greedy(prompt(start), { maxTokens: 3, logprobs: 2 });
          return all(engine.generate({ ...request, promptLogprobs: start.length === 1 ? undefined : 2 }));
        }),
      );
    }),
  );
  const withoutTimes = (events: GenerationEvent[][] | undefined): unknown =>
    events!.map(list => list.map(event => ({ ...event, report: undefined })));
  t.strictSame(withoutTimes(mixed), withoutTimes(separate));
});

t.test('a mixed run that fails takes the sequences with it that were in it', async t => {
  const { engine, decoder } = setup(t, { slots: 2, traits: { mixes: true } });
  decoder.failure = new Error('broken');
  const [first, second, waiting] = ['a', 'b', 'c'].map(start =>
    text(engine, greedy(prompt(start), { maxTokens: 3 })),
  );
  await t.rejects(first!, { message: 'broken' });
  await t.rejects(second!, { message: 'broken' });
  t.equal(await waiting, 'def');
});

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

t.test('drafts from the text so far give the same output in fewer runs', async t => {
  const repeating = (tokens: readonly number[]): number => tokens.length % 8;
  const options = { draftTokens: 6 };
  const plain = setup(t, { next: repeating });
  const drafting = setup(t, { next: repeating, options });
  const request = greedy(prompt('abcdefghabc'), { maxTokens: 40 });
  t.strictSame(
    ids(await all(drafting.engine.generate(request))),
    ids(await all(plain.engine.generate(request))),
  );
  const { draftedTokens, acceptedTokens } = drafting.engine.stats();
  t.ok(acceptedTokens > 20 && acceptedTokens <= draftedTokens, `${acceptedTokens} of ${draftedTokens}`);
  t.ok(drafting.decoder.runs.length < plain.decoder.runs.length / 2);
});

t.test('a wrong draft changes nothing', async t => {
  const next = (tokens: readonly number[]): number => (tokens.length * tokens.length) % 7;
  const request = greedy(prompt('abcabcabc'), { maxTokens: 30 });
  const plain = await all(setup(t, { next }).engine.generate(request));
  const drafting = await all(setup(t, { next, options: { draftTokens: 5 } }).engine.generate(request));
  t.strictSame(ids(drafting), ids(plain));
});

t.test('more urgent requests come first', async t => {
  const { engine } = setup(t, { slots: 1 });
  const order: string[] = [];
  const run = async (letter: string, priority: number): Promise<void> => {
    await text(engine, { ...greedy(prompt(letter), { maxTokens: 3 }), priority });
    order.push(letter);
  };
  const first = run('a', 0);
  await steps(1);
  await Promise.all([first, run('b', 5), run('c', 0), run('d', -1)]);
  t.strictSame(order, ['a', 'd', 'c', 'b']);
});
