/** What an engine does with the sound that a decoder hears. */
import fc from 'fast-check';
import t from 'tap';
import type { AlignRequest, GenerationRequest } from '#engine/types.js';
import type { SoundSource } from '#model/decoder/contract.js';
import { greedy, GREEDY } from '#test/support/generation-request.js';
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
import { END, letterTokenizer } from '#test/support/letter-tokenizer.js';
import { runs } from '#test/support/property-runs.js';

/** Positions of a window; more than a run of prompts may have. */
const WINDOW = 30;
const SHAPE = { bins: 2, frames: 5 };

/** Writes down what it hears, and ends. */
const aloud = (tokens: readonly number[], source: readonly number[]): number => {
  const heard = source.filter(id => id < END);
  return heard[tokens.length - 1] ?? END;
};

const setup = (t: Parameters<typeof letterEngine>[0], { options, ...others }: LetterEngineOptions = {}) =>
  letterEngine(t, {
    longestSource: WINDOW,
    sound: SHAPE,
    next: aloud,
    options: { prefillTokens: 8, ...options },
    ...others,
  });

/** Sound in which so many letters are heard, at most ten. */
function sound(letters: string, key = letters): SoundSource {
  const features = new Float32Array(SHAPE.bins * SHAPE.frames).fill(END);
  features.set(prompt(letters));
  return { key, features };
}

/** A request whose text begins with a token that stands for nothing. */
function hearing(
  letters: string,
  changes: Partial<GenerationRequest> = {},
  promptIds: readonly number[] = [0],
): GenerationRequest {
  const request = greedy(promptIds, { stopTokenIds: new Set([END]), maxTokens: 40 });
  return { ...request, sound: sound(letters), ...changes };
}

function aligning(letters: string, said = letters, changes: Partial<AlignRequest> = {}): AlignRequest {
  return { id: 'align', sound: sound(letters), ids: prompt(said), belowId: 26, ...changes };
}

const heard = (names: readonly string[]): string[] => names.filter(run => run.startsWith('hear'));

t.test(
  'a window that is longer than a run of prompts is heard, one in a step, and others write on',
  async t => {
    const { engine, decoder } = setup(t, { slots: 4 });
    const letters = ['cat', 'horse', 'ox'];
    t.strictSame(await Promise.all(letters.map(word => text(engine, hearing(word)))), letters);
    t.strictSame(decoder.runs.slice(0, 6), [
      'hear 0 cat',
      'decode 1',
      'hear 1 horse',
      'decode 2',
      'hear 2 ox',
      'decode 3',
    ]);
    t.match(engine.stats(), { promptTokens: 3 * (WINDOW + 1), reusedPromptTokens: 0 });
  },
);

t.test('those that write wait for no more than one window between two tokens', async t => {
  const options = { prefillTokens: 10 * WINDOW };
  const { engine, decoder } = setup(t, { slots: 8, contextLength: 80, next: () => 1, options });
  const writing = text(engine, hearing('a', { client: 'a' }));
  await eventually(() => decoder.runs.length > 4);
  const others = [...'bcdefgh'].map(word => text(engine, hearing(word, { client: 'b' })));
  await Promise.all([writing, ...others]);
  const pairs = decoder.runs.map((run, i) => run + decoder.runs[i + 1]);
  t.notOk(pairs.some(pair => /^hear.*hear/.test(pair)));
  t.equal(heard(decoder.runs).length, 8);
});

t.test('what was heard is not encoded again, by whatever follows', async t => {
  const { engine, decoder } = setup(t, { slots: 3 });
  const detect = greedy([0], { maxTokens: 1 });
  await text(engine, { ...detect, sound: sound('horse') });
  t.equal(await text(engine, hearing('horse')), 'horse');
  await text(engine, hearing('horse', { sampling: { ...GREEDY, temperature: 0.4, seed: 1 } }));
  t.match(await engine.align!(aligning('horse')), { heads: 2 });
  t.match((await all(engine.generate(hearing('horse')))).at(-1), {
    report: { promptTokens: 1, sourceTokens: WINDOW, cachedTokens: WINDOW },
  });
  t.strictSame(heard(decoder.runs), ['hear 0 horse']);
});

t.test('follow-ups of a window find it even where others wait for its slot', async t => {
  const { engine, decoder } = setup(t, { slots: 1 });
  const transcribe = async (letters: string, client: string): Promise<string> => {
    const written = await text(engine, hearing(letters, { client }));
    await engine.align!(aligning(letters, letters, { client, priority: -1 }));
    return written;
  };
  const words = ['cat', 'horse', 'ox', 'dog'];
  t.strictSame(await Promise.all(words.map(word => transcribe(word, word))), words);
  t.strictSame(heard(decoder.runs).length, 4);
});

t.test('the window that was not used for longest is given up first', async t => {
  const { engine, decoder } = setup(t, { slots: 3 });
  for (const word of ['cat', 'horse', 'ox', 'horse', 'dog', 'horse', 'ox', 'dog'])
    await text(engine, hearing(word));
  t.strictSame(
    heard(decoder.runs).map(run => run.split(' ')[2]),
    ['cat', 'horse', 'ox', 'dog'],
  );
});

t.test('keys tell sounds apart, within a scope', async t => {
  const { engine, decoder } = setup(t, { slots: 4 });
  t.equal(await text(engine, hearing('cat', { sound: sound('cat', 'same') })), 'cat');
  t.equal(await text(engine, hearing('dog', { sound: sound('dog', 'same') })), 'cat', 'the key says so');
  t.equal(
    await text(engine, hearing('dog', { sound: sound('dog', 'same'), reuseScope: 'other' })),
    'dog',
    'another scope has its own',
  );
  t.equal(await text(engine, hearing('ox', { sound: sound('ox', 'sama') })), 'ox');
  t.equal(heard(decoder.runs).length, 3);
});

t.test('several texts of one window encode it once', async t => {
  const { engine, decoder } = setup(t, { slots: 6 });
  const drawn = (seed: number): GenerationRequest =>
    hearing('horse', { sampling: { ...GREEDY, temperature: 0.1, seed } });
  const answers = engine.generateAll([1, 2, 3, 4, 5].map(drawn));
  const reports = await Promise.all(answers.map(async answer => (await all(answer)).at(-1)));
  t.equal(heard(decoder.runs).length, 1);
  t.match(
    reports.slice(1),
    Array.from({ length: 4 }, () => ({ report: { cachedTokens: WINDOW } })),
  );
  const beams = { width: 5, lengthPenalty: 1, earlyStopping: false, results: 1 };
  t.match(await all(engine.generate(hearing('mouse', { beams }))), [{ text: 'mouse' }]);
  t.equal(heard(decoder.runs).length, 2);
});

t.test('a text is held against its sound', async t => {
  const { engine, decoder } = setup(t, { slots: 2 });
  const { heads, weights, probabilities } = await engine.align!(aligning('cat', 'acat'));
  t.strictSame(decoder.runs, ['hear 0 cat', 'align 0 4']);
  t.equal(heads, 2);
  t.strictSame(
    Array.from({ length: 8 }, (_, row) => weights.indexOf(1, row * WINDOW) - row * WINDOW),
    [1, 0, 1, 2, 0, 0, 0, 0],
  );
  const isClose = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6;
  // What is said next has a logit of 2, the letter behind it 1, and the 24 others 0.
  const likely = Math.exp(2) / (Math.exp(2) + Math.exp(1) + 24);
  t.equal(probabilities.length, 3);
  t.ok(probabilities.every(probability => isClose(probability, likely)));
  t.match(engine.stats(), { promptTokens: WINDOW + 4, generatedTokens: 0 });
  const limited = [...(await engine.align!(aligning('cat', 'acat', { belowId: 2 }))).probabilities];
  t.ok(isClose(limited[1]!, 1 / (1 + Math.exp(-1))), 'of two letters alone');
  t.strictSame([limited[0], limited[2]], [0, 0], 'these are not below');
  t.strictSame((await engine.align!(aligning('cat', 'c'))).probabilities, new Float32Array(0));
});

t.test('an alignment that fails, or is taken back, leaves others alone', async t => {
  const { engine, decoder } = setup(t, { slots: 2 });
  const other = text(engine, hearing('horsehorse'));
  await eventually(() => decoder.runs.length > 3);
  decoder.failure = run => (run.startsWith('hear') ? new Error('no memory') : undefined);
  await t.rejects(engine.align!(aligning('cat')), { message: 'no memory' });
  decoder.failure = run => (run.startsWith('align') ? new Error('no heads') : undefined);
  await t.rejects(engine.align!(aligning('cat')), { message: 'no heads' });
  const controller = new AbortController();
  decoder.failure = run => {
    if (run.startsWith('align')) controller.abort();
    return undefined;
  };
  await t.rejects(engine.align!(aligning('cat'), controller.signal), { code: 'cancelled' });
  await t.rejects(engine.align!(aligning('cat'), controller.signal), { code: 'cancelled' }, 'from the start');
  decoder.failure = undefined;
  t.equal(await other, 'horsehorse');
  decoder.spoil = logits => void (logits[3] = NaN);
  await t.rejects(engine.align!(aligning('cat')), { code: 'broken_model' });
  t.match(engine.stats(), { running: 0, waiting: 0 });
  engine.checkRoom(engine.slots + 1024);
});

t.test('alignments wait in turn, count as those that wait, and end with the engine', async t => {
  const { engine } = setup(t, { slots: 1, next: () => 1, options: { maxWaiting: 1 } });
  const long = all(engine.generate(hearing('a')));
  await steps(2);
  const controller = new AbortController();
  const waiting = engine.align!(aligning('cat'), controller.signal);
  await t.rejects(engine.align!(aligning('dog')), { code: 'queue_full' });
  controller.abort();
  await t.rejects(waiting, { code: 'cancelled' });
  const closed = t.rejects(engine.align!(aligning('dog')), { code: 'shutting_down' });
  const ended = t.rejects(long, { code: 'shutting_down' });
  await engine.close();
  await closed;
  await ended;
  await t.rejects(engine.align!(aligning('dog')), { code: 'shutting_down' });
});

t.test('what cannot be heard is refused', async t => {
  const { engine } = setup(t);
  const { engine: reads } = letterEngine(t, { longestSource: 5 });
  const { engine: plain } = letterEngine(t);
  const refuses = (refusing: typeof engine, request: GenerationRequest, param: string): void =>
    void t.throws(() => refusing.generate(request), { code: 'invalid_request', param });
  refuses(plain, hearing('cat'), 'file');
  refuses(reads, hearing('cat'), 'file');
  refuses(engine, greedy([0]), 'file');
  refuses(engine, { ...hearing('cat'), sourceIds: [1] }, 'prompt');
  refuses(engine, hearing('cat', { sound: { key: 'cat', features: new Float32Array(9) } }), 'file');
  refuses(engine, hearing('cat', { watch: { position: 1, ids: [1] } }), 'prompt');
  refuses(
    engine,
    hearing('cat', { watch: { position: 0, ids: [letterTokenizer.vocabularySize] } }),
    'prompt',
  );
  t.equal(plain.align, undefined);
  t.equal(reads.align, undefined);
  const misaligned = (changes: Partial<AlignRequest>, code = 'invalid_request'): Promise<unknown> =>
    t.rejects(engine.align!(aligning('cat', 'cat', changes)), { code });
  await misaligned({ ids: [] });
  await misaligned({ ids: [-1] });
  await misaligned({ ids: Array.from({ length: 65 }, () => 0) }, 'context_length_exceeded');
  await misaligned({ belowId: 0 });
  await misaligned({ belowId: 29 });
  await misaligned({ sound: { key: 'cat', features: new Float32Array(0) } });
});

/** A letter that depends on all that came before it and on the source. */
const mixing = (tokens: readonly number[], source: readonly number[]): number =>
  [...source, 99, ...tokens].reduce((sum, id) => (sum * 31 + id + 1) % 1_000_003, 7) % 26;

const plan = fc.record({
  slots: fc.integer({ min: 1, max: 4 }),
  prefillTokens: fc.constantFrom(1, 8, 2 * WINDOW),
  /** Above what one sequence needs. */
  spare: fc.nat(100),
  reusesPrefix: fc.constantFrom(true, true, false),
  chunkInvariant: fc.constantFrom(true, true, false),
  /** Which runs of windows, and of alignments, fail, of those that come one after the other. */
  failing: fc.array(fc.constantFrom(false, false, true), { minLength: 1, maxLength: 6 }),
  requests: fc.array(
    fc.record({
      /** Which of a few windows. */
      window: fc.nat(3),
      begins: fc.array(fc.nat(25), { minLength: 1, maxLength: 7 }),
      maxTokens: fc.integer({ min: 1, max: 20 }),
      /** Whether it is held against its window when it has ended. */
      aligns: fc.boolean(),
      width: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined, freq: 2 }),
      watches: fc.option(fc.nat(6), { nil: undefined }),
      delay: fc.nat(20),
      leavesAfter: fc.option(fc.nat(6), { freq: 4 }),
      reuseScope: fc.constantFrom('', '', 'other'),
    }),
    { minLength: 1, maxLength: 12 },
  ),
});

t.test('whoever comes, leaves or fails, each text is that of its own window', async t => {
  let [failed, right, aligned, watched, preempted, reused] = [0, 0, 0, 0, 0, 0];
  const windows = ['ab', 'ba', 'abc', 'zz'].map(letters => sound(letters));
  await fc.assert(
    fc.asyncProperty(plan, async ({ slots, spare, failing, chunkInvariant, requests, ...options }) => {
      const closing: (() => Promise<void>)[] = [];
      const { engine, decoder } = setup(
        { teardown: close => void closing.push(close) },
        {
          slots,
          contextLength: 30,
          next: mixing,
          traits: { chunkInvariant },
          options: { ...options, cacheTokens: WINDOW + 30 + spare, reservedTokens: 2 },
        },
      );
      let tried = 0;
      decoder.failure = run =>
        /^(hear|align)/.test(run) && failing[tried++ % failing.length] ? new Error('spoiled') : undefined;
      await Promise.all(
        requests.map(async ({ window, begins, maxTokens, delay, width = 1, ...own }, i) => {
          const heard = windows[window]!;
          const source = [...heard.features];
          const { leavesAfter, reuseScope, watches = 7 } = own;
          const fits = width <= slots && width * (WINDOW + 30) <= WINDOW + 30 + spare;
          const request: GenerationRequest = {
            ...greedy(begins, { id: String(i), maxTokens }),
            sound: heard,
            reuseScope,
            ...(watches < begins.length && { watch: { position: watches, ids: [3, 7] } }),
            ...(width > 1 && fits && { beams: { width, lengthPenalty: 1, earlyStopping: true, results: 1 } }),
          };
          await steps(delay / 4);
          const expected = [...begins];
          for (let n = 0; n < maxTokens && expected.length < 30; n++) expected.push(mixing(expected, source));
          try {
            if (leavesAfter !== null) {
              let left: number = leavesAfter;
              for await (const _ of engine.generate(request)) if (left-- === 0) break;
              return;
            }
            const events = await all(engine.generate(request));
            // What beams find is not the greedy text.
            if (request.beams === undefined && ids(events).join() !== expected.slice(begins.length).join())
              throw new Error('another text');
            right++;
            const event = events.at(-1);
            if (request.watch !== undefined && event?.type === 'delta') {
              const best = mixing(begins.slice(0, watches + 1), source);
              const logit = (id: number): number => (id === best ? 2 : id === (best + 1) % 28 ? 1 : 0);
              const sum = Math.log(Math.exp(2) + Math.exp(1) + 26);
              const logprobs = event.report!.watched!;
              if ([3, 7].some((id, n) => Math.abs(logprobs[n]! - (logit(id) - sum)) > 1e-6))
                throw new Error('other log-probabilities');
              watched++;
            }
            if (!own.aligns) return;
            const { weights } = await engine.align!({
              ...aligning(''),
              sound: heard,
              reuseScope,
              ids: expected,
            });
            const places = expected.map(id => Math.max(0, source.indexOf(id)));
            if (places.some((at, row) => weights[row * WINDOW + at] !== 1)) throw new Error('another window');
            aligned++;
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
      engine.checkRoom(slots + 1024);
      preempted += engine.stats().preemptions;
      reused += engine.stats().reusedPromptTokens;
      for (const close of closing) await close();
    }),
    runs(200),
  );
  t.ok(right > 0 && failed > 0 && aligned > 0 && watched > 0, `${right} right, ${failed} failed`);
  t.ok(preempted > 0 && reused > 0, `${preempted} gave way`);
});
