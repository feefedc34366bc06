/** What an engine does with the sources that a decoder attends to. */
import fc from 'fast-check';
import t from 'tap';
import type { GenerationRequest } from '#engine/types.js';
import type { SlotOperation } from '#model/decoder/contract.js';
import type { FakeDecoder } from '#test/support/fake-decoder.js';
import { greedy } from '#test/support/generation-request.js';
import { eventually } from '#test/support/eventually.js';
import {
  all,
  ids,
  letterEngine,
  prompt,
  steps,
  text,
  type LetterEngineOptions,
} from '#test/support/letter-engine.js';
import { END } from '#test/support/letter-tokenizer.js';
import { runs } from '#test/support/property-runs.js';

/** Reads the source aloud, and ends. */
const aloud = (tokens: readonly number[], source: readonly number[]): number =>
  source[tokens.length - 1] ?? END;

const setup = (t: Parameters<typeof letterEngine>[0], options: LetterEngineOptions = {}) =>
  letterEngine(t, { longestSource: 30, next: aloud, ...options });

/** A request whose text begins with a token that stands for nothing. */
function reading(
  source: string,
  changes: Partial<GenerationRequest> = {},
  promptIds = [0],
): GenerationRequest {
  const request = greedy(promptIds, { stopTokenIds: new Set([END]), maxTokens: 40 });
  return { ...request, sourceIds: prompt(source), ...changes };
}

/** What is done to a decoder's cache from now on. */
function operationsOf(decoder: FakeDecoder): SlotOperation[] {
  const operations: SlotOperation[] = [];
  const arrange = decoder.arrange.bind(decoder);
  decoder.arrange = operation => {
    operations.push(operation);
    arrange(operation);
  };
  return operations;
}

t.test('sources are encoded together, and then all decode, the first tokens, too', async t => {
  const { engine, decoder } = setup(t, { slots: 3 });
  const texts = await Promise.all(['cat', 'horse', 'ox'].map(source => text(engine, reading(source))));
  t.strictSame(texts, ['cat', 'horse', 'ox']);
  t.strictSame(decoder.runs.slice(0, 4), ['encode 0 3+5+2', 'decode 3', 'decode 3', 'decode 3']);
  t.match(engine.stats(), { promptTokens: 10 + 3, reusedPromptTokens: 0 });
});

t.test('one run has no more tokens of sources than of prompts, unless it has one source', async t => {
  const { engine, decoder } = setup(t, { slots: 4, options: { prefillTokens: 8 } });
  const sources = ['cat', 'dog', 'horse', 'rhinoceroses'];
  t.strictSame(await Promise.all(sources.map(source => text(engine, reading(source)))), sources);
  t.strictSame(
    decoder.runs.filter(run => run.startsWith('encode')),
    ['encode 0 3+3', 'encode 2 5', 'encode 3 12'],
  );
});

t.test('several answers to one source encode it once', async t => {
  const { engine, decoder } = setup(t, { slots: 4 });
  const requests = [1, 2, 3].map(() => reading('horse'));
  const answers = engine.generateAll(requests);
  const reports = await Promise.all(answers.map(async answer => (await all(answer)).at(-1)));
  t.strictSame(decoder.runs.slice(0, 3), ['encode 0 5', 'decode 1', 'decode 3']);
  t.match(reports, [
    { report: { promptTokens: 1, sourceTokens: 5, cachedTokens: 0, generatedTokens: 6 } },
    { report: { sourceTokens: 5, cachedTokens: 5 } },
    { report: { sourceTokens: 5, cachedTokens: 5 } },
  ]);
  t.equal(engine.stats().reusedPromptTokens, 10);
});

t.test('a source that an idle slot still has is taken as it is', async t => {
  const { engine, decoder } = setup(t, { slots: 3 });
  await text(engine, reading('horse'));
  await text(engine, reading('ox'));
  const operations = operationsOf(decoder);
  decoder.runs.length = 0;
  t.equal(await text(engine, reading('horse')), 'horse');
  t.equal(decoder.runs[0], 'decode 1');
  t.notOk(
    operations.some(({ kind }) => kind === 'copy'),
    'nothing was copied',
  );
});

t.test('nobody gets what another scope encoded', async t => {
  const { engine, decoder } = setup(t, { slots: 4 });
  for (const reuseScope of ['', 'a', 'b', 'a']) await text(engine, reading('horse', { reuseScope }));
  t.equal(decoder.runs.filter(run => run.startsWith('encode')).length, 3);
});

t.test('without reuse each is encoded', async t => {
  const { engine, decoder } = setup(t, { slots: 4, options: { reusesPrefix: false } });
  await Promise.all([1, 2].map(() => text(engine, reading('ox'))));
  t.equal(decoder.runs[0], 'encode 0 2+2');
});

t.test('a prompt of two tokens is decoded, a longer one prefilled, over the same source', async t => {
  const next = (tokens: readonly number[], source: readonly number[]): number =>
    source[tokens.length - 2] ?? END;
  const { engine, decoder } = setup(t, { next, slots: 1 });
  t.equal(await text(engine, reading('cat', {}, [0, 1])), 'cat');
  t.strictSame(decoder.runs, ['encode 0 3', ...Array<string>(5).fill('decode 1')]);
  decoder.runs.length = 0;
  t.equal(await text(engine, reading('catch', {}, [0, 1, 2, 3])), 'tch');
  t.strictSame(decoder.runs.slice(0, 3), ['encode 0 5', 'prefill 0 4', 'decode 1']);
});

t.test('sequences of one source share the beginning of their texts, those of others nothing', async t => {
  const { engine, decoder } = setup(t, { slots: 2, contextLength: 60 });
  const begin = Array.from({ length: 20 }, (_, i) => i);
  const report = async (source: string) => (await all(engine.generate(reading(source, {}, begin)))).at(-1);
  t.match(await report('catcatcatcatcatcatcatcatcat'), { report: { cachedTokens: 0 } });
  t.match(await report('dogdogdogdogdogdogdogdogdog'), { report: { cachedTokens: 0 } });
  t.match(await report('catcatcatcatcatcatcatcatcat'), { report: { cachedTokens: 27 + 19 } });
  t.equal(decoder.runs.filter(run => run.startsWith('encode')).length, 2);
});

t.test('a source that cannot be read ends its own sequences, and no other', async t => {
  const { engine, decoder } = setup(t, { slots: 4 });
  const first = text(engine, reading('horsehorsehorse'));
  await eventually(() => decoder.runs.length >= 3);
  decoder.failure = run => (run.startsWith('encode') ? new Error('no memory') : undefined);
  const broken = ['cat', 'dog'].map(source => text(engine, reading(source)));
  for (const answer of broken) await t.rejects(answer, { message: 'no memory' });
  t.equal(await text(engine, reading('cat')), 'cat', 'it can be tried again');
  t.equal(await first, 'horsehorsehorse');
});

t.test('requests may be taken back, and the engine closed, while a source is read', async t => {
  const { engine, decoder } = setup(t, { slots: 2 });
  const controller = new AbortController();
  decoder.failure = run => {
    if (run.startsWith('encode')) controller.abort();
    return undefined;
  };
  const taken = all(engine.generate(reading('cat'), controller.signal));
  await t.rejects(taken, { code: 'cancelled' });
  await eventually(() => engine.stats().running === 0);
  decoder.failure = run => {
    if (run.startsWith('encode')) void engine.close();
    return undefined;
  };
  await t.rejects(text(engine, reading('horse')), { code: 'shutting_down' });
});

t.test('what cannot be a source is refused', async t => {
  const { engine } = setup(t);
  const { engine: plain } = letterEngine(t);
  t.equal(engine.sourceLength, 30);
  t.equal(plain.sourceLength, undefined);
  const refuses = (
    refusing: typeof engine,
    request: GenerationRequest,
    error: Parameters<typeof t.throws>[1] & object,
  ): void => void t.throws(() => refusing.generate(request), error);
  refuses(engine, greedy([0]), { code: 'invalid_request', param: 'prompt' });
  refuses(plain, reading('cat'), { code: 'invalid_request', param: 'prompt' });
  refuses(engine, reading(''), { code: 'invalid_request' });
  refuses(engine, reading('cat', { sourceIds: [1000] }), { code: 'invalid_request' });
  refuses(engine, reading('cat', { promptIds: [] }), { code: 'invalid_request' });
  refuses(engine, reading('a'.repeat(31)), {
    code: 'context_length_exceeded',
    numbers: { n_prompt_tokens: 31, n_ctx: 30 },
  });
});

t.test('positions of sources count', async t => {
  const { engine } = setup(t, { slots: 2, contextLength: 20 });
  t.equal(engine.stats().cacheCapacity, 2 * (20 + 30));
  const answer = all(engine.generate(reading('horsehorse')));
  await steps(3);
  const { activeTokens, cachedTokens } = engine.stats();
  t.ok(activeTokens > 10 && cachedTokens === activeTokens);
  t.match(engine.occupancy(), [{ state: 'running', tokens: activeTokens }, { state: 'empty' }]);
  await answer;
  t.throws(() => setup(t, { contextLength: 20, options: { cacheTokens: 49 } }), {
    code: 'invalid_configuration',
    message: /one sequence of 50, its source included/,
  });
});

t.test('a sequence that lost its slot is encoded again', async t => {
  const { engine, decoder } = setup(t, {
    slots: 2,
    contextLength: 40,
    options: { cacheTokens: 75, reservedTokens: 1 },
  });
  const sources = ['abcdefghijklmnopqrstuvwxyz', 'zyxwvutsrqponmlkjihgfedcba'];
  t.strictSame(await Promise.all(sources.map(source => text(engine, reading(source)))), sources);
  t.ok(engine.stats().preemptions > 0, 'one gave way');
  t.strictSame(
    decoder.runs.filter(run => run.startsWith('encode')).map(run => run.split(' ')[2]),
    ['26+26', '26'],
  );
});

/** A letter that depends on all that came before it and on the source. */
const mixing = (tokens: readonly number[], source: readonly number[]): number =>
  [...source, 99, ...tokens].reduce((sum, id) => (sum * 31 + id) % 1_000_003, 7) % 26;

const plan = fc.record({
  slots: fc.integer({ min: 1, max: 4 }),
  prefillTokens: fc.integer({ min: 1, max: 40 }),
  /** Above what one sequence needs. */
  spare: fc.nat(80),
  draftTokens: fc.constantFrom(0, 3),
  /** Which runs of sources fail, of those that come one after the other. */
  failing: fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }),
  requests: fc.array(
    fc.record({
      source: fc.array(fc.nat(25), { minLength: 1, maxLength: 30 }),
      /** Whether it has the source of the one before. */
      repeats: fc.boolean(),
      begins: fc.array(fc.nat(25), { minLength: 1, maxLength: 5 }),
      maxTokens: fc.integer({ min: 1, max: 20 }),
      delay: fc.nat(20),
      leavesAfter: fc.option(fc.nat(6), { freq: 4 }),
      reuseScope: fc.constantFrom('', '', 'other'),
    }),
    { minLength: 1, maxLength: 12 },
  ),
});

t.test('whoever comes, leaves or fails, each text is that of its own source', async t => {
  let [failed, right, preempted] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(plan, async ({ slots, prefillTokens, spare, draftTokens, failing, requests }) => {
      const closing: (() => Promise<void>)[] = [];
      const { engine, decoder } = setup(
        { teardown: close => void closing.push(close) },
        {
          slots,
          contextLength: 30,
          next: mixing,
          options: { prefillTokens, draftTokens, cacheTokens: 60 + spare, reservedTokens: 2 },
        },
      );
      let encodings = 0;
      decoder.failure = run =>
        run.startsWith('encode') && failing[encodings++ % failing.length] ? new Error('spoiled') : undefined;
      let source: readonly number[] = [];
      await Promise.all(
        requests.map(async ({ begins, maxTokens, delay, leavesAfter, reuseScope, ...own }, i) => {
          if (i === 0 || !own.repeats) source = own.source;
          const request = { ...greedy(begins, { id: String(i), maxTokens }), sourceIds: source, reuseScope };
          for (let waited = 0; waited < delay; waited++) await new Promise(resolve => setImmediate(resolve));
          const expected = [...begins];
          for (let n = 0; n < maxTokens && expected.length < 30; n++)
            expected.push(mixing(expected, request.sourceIds));
          try {
            if (leavesAfter === null) {
              const generated = ids(await all(engine.generate(request)));
              if (generated.join() !== expected.slice(begins.length).join()) throw new Error('another text');
              right++;
            } else {
              let left: number = leavesAfter;
              for await (const _ of engine.generate(request)) if (left-- === 0) break;
            }
          } catch (error) {
            if ((error as Error).message !== 'spoiled') throw error;
            failed++;
          }
        }),
      );
      await eventually(() => {
        const { running, waiting } = engine.stats();
        return running + waiting === 0;
      });
      preempted += engine.stats().preemptions;
      for (const close of closing) await close();
    }),
    runs(150),
  );
  t.ok(right > 0 && failed > 0 && preempted > 0, `${right} right, ${failed} failed, ${preempted} gave way`);
});
