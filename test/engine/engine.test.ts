import t from 'tap';
import type { GenerationEvent, GenerationRequest } from '#engine/types.js';
import { KvasirError } from '#errors.js';
import { greedy, GREEDY } from '#test/support/generation-request.js';
import {
  all,
  following,
  ids,
  letterEngine as setup,
  prompt,
  steps,
  text,
} from '#test/support/letter-engine.js';
import { END } from '#test/support/letter-tokenizer.js';

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

t.test('a special token has no text, unless it is to be spelled', async t => {
  const { engine } = setup(t, { next: tokens => (tokens.length === 4 ? END : 5) });
  const request = greedy(prompt('abc'), { maxTokens: 3 });
  t.equal(await text(engine, request), 'ff');
  t.equal(await text(engine, { ...request, spelledIds: new Set([END]) }), 'f<end>f');
});

t.test('stop tokens are not drawn before minTokens', async t => {
  const { engine } = setup(t, { next: () => 5 });
  const events = await all(
    engine.generate(greedy(prompt('a'), { minTokens: 3, stopTokenIds: new Set([5]), maxTokens: 9 })),
  );
  t.strictSame(ids(events), [6, 6, 6, 5]);
});

t.test('stop strings that end within minTokens are part of the text', async t => {
  const { engine } = setup(t);
  const stops = (minTokens: number, ...stopStrings: string[]): Promise<string> =>
    text(engine, greedy(prompt('a'), { minTokens, stopStrings, maxTokens: 9 }));
  t.equal(await stops(3, 'c', 'd'), 'bcdefghij');
  t.equal(await stops(3, 'c', 'f', 'g'), 'bcde');
  t.equal(await stops(3, 'cde'), 'b', 'one that ends after them');
  t.equal(await stops(4, 'cde', 'ef'), 'bcd');
  t.equal(await stops(2, 'd'), 'bc', 'the first token after them');
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
    /^prefill 0 1, (decode 1, )*prefill 1 2, (decode 1, ){1,2}prefill 1 2, decode 1, prefill 1 2, decode 1, decode 2, decode 1, /,
  );
});

t.test('where runs do not mix, a first token comes before the others decode', async t => {
  const { engine, decoder } = setup(t, { contextLength: 1000 });
  const running = text(engine, greedy(prompt('a'), { maxTokens: 60 }));
  await steps(2);
  for await (const _ of engine.generate(greedy(prompt('xyz')))) break;
  t.strictSame(decoder.runs.slice(decoder.runs.indexOf('prefill 1 3')).slice(0, 2), [
    'prefill 1 3',
    'decode 1',
  ]);
  t.equal(decoder.runs.at(-1), 'decode 1', 'it was read while they decoded');
  await running;
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

t.test('log-probabilities of prompts that come together', async t => {
  const { engine } = setup(t, { slots: 3 });
  const answers = await Promise.all(
    ['abc', 'b', 'bcdf'].map(start =>
      all(engine.generate(greedy(prompt(start), { promptLogprobs: 1, maxTokens: 2 }))),
    ),
  );
  t.strictSame(
    answers.map(([event]) => event?.type === 'prompt' && event.logprobs.map(token => token?.top[0]!.id)),
    [[undefined, 1, 2], [undefined], [undefined, 2, 3, 4]],
  );
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

t.test('the line counts what waits, not what runs at once', async t => {
  const { engine } = setup(t, { slots: 2, contextLength: 100_000, options: { maxWaiting: 2 } });
  const controller = new AbortController();
  const start = (count: number): unknown =>
    engine.generateAll(
      Array.from({ length: count }, () => greedy(prompt('a'), { maxTokens: 90_000 })),
      controller.signal,
    );
  t.throws(() => start(5), { code: 'invalid_request', param: 'n' });
  t.throws(() => engine.checkRoom(5, '', 'best_of'), { code: 'invalid_request', param: 'best_of' });
  start(3);
  t.throws(() => start(2), { code: 'queue_full' });
  t.throws(() => engine.checkRoom(2), { code: 'queue_full' });
  await steps(1);
  t.match(engine.stats(), { running: 2, waiting: 1 }, 'of what is refused, nothing runs');
  start(1);
  controller.abort();
  engine.checkRoom(4);
  t.match(engine.stats(), { waiting: 0 });
});

t.test('a client that fills the line keeps no other one out', async t => {
  const { engine } = setup(t, { slots: 2, contextLength: 100_000, options: { maxWaiting: 4 } });
  const controller = new AbortController();
  const start = (count: number, client: string): unknown =>
    engine.generateAll(
      Array.from({ length: count }, () => ({ ...greedy(prompt('a'), { maxTokens: 90_000 }), client })),
      controller.signal,
    );
  start(6, 'a');
  t.throws(() => start(1, 'a'), { code: 'queue_full' });
  t.throws(() => start(4, 'b'), { code: 'queue_full' });
  start(3, 'b');
  t.throws(() => start(1, 'b'), { code: 'queue_full' });
  controller.abort();
  engine.checkRoom(6, 'c');
});

t.test('with a line of no places, what can run at once runs', async t => {
  const { engine } = setup(t, { slots: 2, options: { maxWaiting: 0 } });
  const both = Promise.all(['a', 'k'].map(letter => text(engine, greedy(prompt(letter), { maxTokens: 2 }))));
  t.throws(() => engine.generate(greedy(prompt('c'))), { code: 'queue_full' });
  t.throws(() => engine.checkRoom(3), { code: 'invalid_request' });
  t.strictSame(await both, ['bc', 'lm']);
  t.equal(
    await text(engine, greedy(prompt('c'), { maxTokens: 2 })),
    'de',
    'there is room as soon as they end',
  );
});

t.test('if one of several is refused, none starts', async t => {
  const { engine } = setup(t, { contextLength: 8 });
  t.throws(() => engine.generateAll([greedy(prompt('a')), greedy(prompt('abcdefgh'))]), {
    code: 'context_length_exceeded',
  });
  t.match(engine.stats(), { running: 0, waiting: 0 });
});

t.test('many sequences on one signal make no warning about listeners', async t => {
  const { engine } = setup(t);
  const warnings: Error[] = [];
  const onWarning = (warning: Error): unknown => warnings.push(warning);
  process.on('warning', onWarning);
  const requests = Array.from({ length: 50 }, () => greedy(prompt('a'), { maxTokens: 1 }));
  await Promise.all(engine.generateAll(requests, new AbortController().signal).map(all));
  await steps(1);
  process.off('warning', onWarning);
  t.strictSame(warnings, []);
});

t.test('clients take turns for slots, whatever each has sent', async t => {
  const { engine } = setup(t, { slots: 1 });
  const order: string[] = [];
  const run = async (events: AsyncIterable<GenerationEvent>, name: string): Promise<void> => {
    for await (const _ of events);
    order.push(name);
  };
  const short = (client: string): GenerationRequest => ({
    ...greedy(prompt('a'), { maxTokens: 1 }),
    client,
  });
  const many = engine.generateAll(Array.from({ length: 5 }, () => short('a')));
  const runs = many.map((events, i) => run(events, `many ${i}`));
  runs.push(run(engine.generate(short('a')), 'single'));
  runs.push(run(engine.generate(short('b')), 'other'));
  await Promise.all(runs);
  t.strictSame(order, ['many 0', 'other', 'single', 'many 1', 'many 2', 'many 3', 'many 4']);
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

t.test('where a run may mix, prompts and running sequences share it', async t => {
  const { engine, decoder } = setup(t, {
    slots: 3,
    traits: { mixes: true, packs: true },
    options: { prefillTokens: 5 },
  });
  const texts = ['a', 'abcdefg', 'bcd'].map(start => text(engine, greedy(prompt(start), { maxTokens: 4 })));
  t.strictSame(await Promise.all(texts), ['bcde', 'hijk', 'efgh']);
  t.strictSame(decoder.runs.slice(0, 3), ['mixed 0:1 1:4', 'mixed 0:1 1:3 2:2', 'mixed 0:1 1:1 2:1']);
});

t.test('log-probabilities of prompts in mixed runs are those of separate ones', async t => {
  const texts = ['abcdefghi', 'b', 'bcdf'];
  const [mixed, separate] = await Promise.all(
    [true, false].map(async mixes => {
      const { engine } = setup(t, {
        slots: 3,
        traits: { mixes, packs: mixes },
        options: { prefillTokens: 4 },
      });
      return Promise.all(
        texts.map(start => {
          const request = greedy(prompt(start), { maxTokens: 3, logprobs: 2 });
          return all(engine.generate({ ...request, promptLogprobs: start.length === 1 ? undefined : 2 }));
        }),
      );
    }),
  );
  // Prompts are reported as far as they were run, so in other pieces.
  const withoutTimes = (events: GenerationEvent[][] | undefined): unknown =>
    events!.map(list => [
      list.flatMap(event => (event.type === 'prompt' ? event.logprobs : [])),
      list.flatMap(event => (event.type === 'prompt' ? [] : [{ ...event, report: undefined }])),
    ]);
  t.strictSame(withoutTimes(mixed), withoutTimes(separate));
});

t.test('a prompt that fails does not end those that decode, nor the other way round', async t => {
  for (const [failing, ended, goesOn] of [
    ['prefill', 'xyz', 'ab'],
    ['decode', 'ab', 'xyz'],
  ] as const) {
    const { engine, decoder } = setup(t);
    const texts = new Map([['ab', text(engine, greedy(prompt('ab'), { maxTokens: 30 }))]]);
    await steps(2);
    decoder.failure = run =>
      run.startsWith(failing) && engine.stats().running === 2 ? new Error('broken') : undefined;
    texts.set('xyz', text(engine, greedy(prompt('xyz'), { maxTokens: 5 })));
    await t.rejects(texts.get(ended)!, { message: 'broken' });
    const prefill = decoder.runs.indexOf('prefill 1 3');
    t.equal(decoder.runs[prefill + 1], 'decode 1', 'both were run');
    t.match(await texts.get(goesOn), goesOn === 'ab' ? /^cdefg.{25}$/ : 'abcde');
  }
});

t.test('a mixed run that fails takes the sequences with it that were in it', async t => {
  const { engine, decoder } = setup(t, { slots: 2, traits: { mixes: true, packs: true } });
  decoder.failure = new Error('broken');
  const [first, second, waiting] = ['a', 'b', 'c'].map(start =>
    text(engine, greedy(prompt(start), { maxTokens: 3 })),
  );
  await t.rejects(first!, { message: 'broken' });
  await t.rejects(second!, { message: 'broken' });
  t.equal(await waiting, 'def');
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
