/** What requests watch behind a token of their prompt. */
import fc from 'fast-check';
import t from 'tap';
import type { GenerationRequest } from '#engine/types.js';
import { greedy } from '#test/support/generation-request.js';
import { all, letterEngine, prompt, steps, type LetterEngineOptions } from '#test/support/letter-engine.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';
import { runs } from '#test/support/property-runs.js';
import { logSoftmax } from '#test/support/reference-beam-search.js';
import { seededRandom } from '#test/support/seeded-random.js';

const { vocabularySize } = letterTokenizer;

/** Logits of some model. */
function logitsAfter(tokens: readonly number[], source: readonly number[] = []): number[] {
  const text = [...source, vocabularySize, ...tokens];
  const random = seededRandom(text.reduce((hash, id) => (hash * 31 + id + 1) % 1_000_003, 7));
  return Array.from({ length: vocabularySize }, () => Math.fround(6 * random()));
}

function open(
  t: Parameters<typeof letterEngine>[0],
  options: LetterEngineOptions,
): ReturnType<typeof letterEngine> {
  const opened = letterEngine(t, { contextLength: 80, ...options });
  opened.decoder.spoil = (logits, tokens, source) => logits.set(logitsAfter(tokens, source));
  return opened;
}

async function watched(
  engine: ReturnType<typeof letterEngine>['engine'],
  request: GenerationRequest,
): Promise<readonly number[]> {
  const event = (await all(engine.generate(request))).at(-1);
  return event?.type === 'delta' ? [...event.report!.watched!] : [];
}

const requests = fc.array(
  fc.record({
    // Many begin alike.
    start: fc.oneof(
      fc.array(fc.nat(25), { minLength: 1, maxLength: 30 }),
      fc.nat(30).map(more => Array.from({ length: 17 + more }, (_, i) => i % 20)),
    ),
    at: fc.nat(100),
    ids: fc.array(fc.nat(vocabularySize - 1), { minLength: 1, maxLength: 4 }),
    width: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    promptLogprobs: fc.option(fc.constant(1), { nil: undefined, freq: 2 }),
    minTokens: fc.constantFrom(0, 9),
    delay: fc.nat(6),
  }),
  { minLength: 1, maxLength: 8 },
);

const KINDS: readonly LetterEngineOptions[] = [
  {},
  { traits: { mixes: true, packs: true } },
  { traits: { wholePrompts: false } },
  { traits: { chunkInvariant: false } },
  { options: { draftTokens: 3 } },
  { longestSource: 4 },
  { longestSource: 4, sound: { bins: 1, frames: 4 } },
];

for (const kind of KINDS)
  t.test(
    `the numbers are those of the model, however the prompt is run: ${JSON.stringify(kind)}`,
    async t => {
      let [reused, preempted] = [0, 0];
      await fc.assert(
        fc.asyncProperty(
          requests,
          fc.constantFrom(1, 3, 16, 60),
          fc.constantFrom(84, 130, 1000),
          async (cases, prefillTokens, cacheTokens) => {
            const closing: (() => Promise<void>)[] = [];
            const { engine } = open(
              { teardown: close => void closing.push(close) },
              {
                slots: 4,
                ...kind,
                options: { prefillTokens, cacheTokens, reservedTokens: 1, ...kind.options },
              },
            );
            await Promise.all(
              cases.map(async ({ start, at, ids, width, promptLogprobs, minTokens, delay }) => {
                await steps(delay);
                const position = at % start.length;
                const isBeams = width !== undefined && width * (start.length + 20 + 4) <= cacheTokens;
                const source = [3, 1, 2, 0];
                const logprobs = await watched(engine, {
                  ...greedy(start, { maxTokens: 20, minTokens, stopTokenIds: new Set([1, 2, 3, 4]) }),
                  promptLogprobs: isBeams ? undefined : promptLogprobs,
                  watch: { position, ids },
                  ...(isBeams && { beams: { width, lengthPenalty: 1, earlyStopping: true, results: 1 } }),
                  ...(kind.sound && { sound: { key: '', features: Float32Array.from(source) } }),
                  ...(kind.longestSource !== undefined && !kind.sound && { sourceIds: source }),
                });
                const all = logSoftmax(
                  logitsAfter(start.slice(0, position + 1), kind.longestSource === undefined ? [] : source),
                );
                if (
                  logprobs.length !== ids.length ||
                  ids.some((id, i) => !(Math.abs(logprobs[i]! - all[id]!) < 1e-5))
                )
                  throw new Error(`${logprobs.join()}, expected ${ids.map(id => all[id]).join()}`);
              }),
            );
            reused += engine.stats().reusedPromptTokens;
            preempted += engine.stats().preemptions;
            for (const close of closing) await close();
          },
        ),
        runs(50),
      );
      t.ok(preempted > 0, `${preempted} gave way`);
      if (kind.traits?.chunkInvariant !== false) t.ok(reused > 0, `${reused} tokens were in the cache`);
    },
  );

t.test('a run of the prompt ends at the watched token, and goes on from there', async t => {
  const { engine, decoder } = open(t, {});
  const request = greedy(prompt('abcdefghijklmnopqrst'), { maxTokens: 1 });
  await watched(engine, { ...request, watch: { position: 16, ids: [1] } });
  t.strictSame(decoder.runs, ['prefill 0 17', 'prefill 0 3']);
  decoder.runs.length = 0;
  await watched(engine, { ...request, watch: { position: 17, ids: [1] } });
  t.strictSame(decoder.runs, ['decode 1', 'prefill 0 2'], 'what comes before it is in the cache');
  decoder.runs.length = 0;
  await watched(engine, { ...request, watch: { position: 19, ids: [1] } });
  t.strictSame(decoder.runs, ['decode 1'], 'the last token is run in any case');
});

t.test('with a source, few tokens behind the watched one are decoded', async t => {
  const { engine, decoder } = open(t, { longestSource: 4 });
  const request = { ...greedy(prompt('abcdefgh'), { maxTokens: 1 }), sourceIds: [1, 2] };
  await watched(engine, { ...request, watch: { position: 5, ids: [1] } });
  t.strictSame(decoder.runs, ['encode 0 2', 'prefill 0 6', 'decode 1', 'decode 1']);
  decoder.runs.length = 0;
  const start = { ...request, promptIds: prompt('abc'), sourceIds: [3] };
  await watched(engine, { ...start, watch: { position: 0, ids: [1] } });
  t.strictSame(decoder.runs, ['encode 0 1', 'decode 1', 'decode 1', 'decode 1']);
});

t.test('a broken model ends what is watched, and no other', async t => {
  const { engine, decoder } = open(t, { slots: 2 });
  decoder.spoil = (logits, { length }) => {
    if (length === 2) logits.fill(NaN);
  };
  const request = greedy(prompt('abcd'), { maxTokens: 3 });
  const broken = watched(engine, { ...request, watch: { position: 1, ids: [1] } });
  const other = all(engine.generate(greedy(prompt('xyz'), { maxTokens: 3 })));
  await t.rejects(broken, { code: 'broken_model' });
  t.match((await other).at(-1), { report: { watched: undefined, score: undefined } });
});
