import { cp } from 'node:fs/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { Engine } from '#engine/engine.js';
import type { EngineOptions } from '#engine/engine-options.js';
import type { Alignment, GenerationRequest, SequenceReport } from '#engine/types.js';
import { loadSeq2Seq } from '#model/decoder/load-seq2seq.js';
import { Environment } from '#runtime/index.js';
import type { Tokenizer } from '#text/types.js';
import { greedy } from '#test/support/generation-request.js';
import { eventually } from '#test/support/eventually.js';
import { all, ids, steps } from '#test/support/letter-engine.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';
import { runs } from '#test/support/property-runs.js';
import { madeUpSound, readSpeechFixture } from '#test/support/speech-fixtures.js';

const environment = new Environment({ logLevel: 'fatal' });

const VOCABULARY = 43;
const CONTEXT = 24;
const POSITIONS = 50;
const END = 2;
/** What batches of other sizes round differently. */
const ROUNDING = 1e-4;

/** A character for each token. */
const tokenizer: Tokenizer = {
  ...letterTokenizer,
  vocabularySize: VOCABULARY,
  specialIds: new Set(),
  decode: ids => String.fromCharCode(...ids.map(id => 65 + id)),
};

const plan = fc.record({
  slots: fc.integer({ min: 1, max: 4 }),
  prefillTokens: fc.constantFrom(3, 60),
  /** Share of the cache that may be used: below 1, sequences must give way to one another. */
  cacheShare: fc.double({ min: 0, max: 1, noNaN: true }),
  requests: fc.array(
    fc.record({
      /** Which of a few windows. */
      window: fc.nat(3),
      begins: fc.array(fc.nat(VOCABULARY - 1), { minLength: 1, maxLength: 12 }),
      maxTokens: fc.integer({ min: 1, max: CONTEXT }),
      watches: fc.nat(11),
      delay: fc.nat(6),
      aligns: fc.boolean(),
    }),
    { minLength: 2, maxLength: 7, size: '+1' },
  ),
});

interface Heard {
  readonly ids: readonly number[];
  readonly report: SequenceReport;
  readonly alignment: Alignment | undefined;
}

async function openEngines(t: Test, fixture: string) {
  const folder = t.testdir();
  await cp(fixture, folder, { recursive: true });
  return async (slots: number, options: Partial<EngineOptions>): Promise<Engine> => {
    const { decoder } = await loadSeq2Seq(environment, folder, { slots, session: { intraOpThreads: 1 } });
    return new Engine(decoder, tokenizer, options);
  };
}

async function hear(engine: Engine, request: GenerationRequest, aligned?: readonly number[]): Promise<Heard> {
  const events = await all(engine.generate(request));
  const last = events.at(-1);
  if (last?.type !== 'delta') throw new Error('no delta');
  const alignment =
    aligned &&
    (await engine.align!({ id: 'align', sound: request.sound!, ids: aligned, belowId: VOCABULARY - 3 }));
  return { ids: ids(events), report: last.report!, alignment };
}

/** @throws Error where numbers differ by more than rounding. */
function compare(what: string, a: ArrayLike<number>, b: ArrayLike<number>): void {
  if (a.length !== b.length) throw new Error(`${what}: ${a.length} numbers, ${b.length} alone`);
  for (let i = 0; i < a.length; i++)
    if (!(Math.abs(a[i]! - b[i]!) < ROUNDING)) throw new Error(`${what} ${i}: ${a[i]}, ${b[i]} alone`);
}

t.test('whoever else is heard, texts, times and numbers are those of the request alone', async t => {
  const { folder, shape } = await readSpeechFixture('whisper');
  const windows = [0, 1, 2, 3].map(seed => madeUpSound(shape, seed));
  const open = await openEngines(t, folder);
  const alone = await open(1, { reusesPrefix: false });
  t.teardown(() => alone.close());
  let [compared, aligned, reused] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(plan, async ({ slots, cacheShare, requests, prefillTokens }) => {
      const cacheTokens = Math.ceil((CONTEXT + POSITIONS) * (1 + (slots - 1) * cacheShare));
      const batched = await open(slots, { prefillTokens, cacheTokens, reservedTokens: 2 });
      try {
        await Promise.all(
          requests.map(async ({ window, begins, maxTokens, watches, delay, aligns }, index) => {
            const request: GenerationRequest = {
              ...greedy(begins, { id: String(index), maxTokens, stopTokenIds: new Set([END]) }),
              sound: windows[window]!,
              scored: true,
              watch: { position: watches % begins.length, ids: [1, 7, 30] },
            };
            await steps(delay);
            const [own, expected] = [
              await hear(batched, request, aligns ? begins : undefined),
              await hear(alone, request, aligns ? begins : undefined),
            ];
            compare('watched', own.report.watched!, expected.report.watched!);
            if (own.ids.join() !== expected.ids.join()) throw new Error('another text');
            compare('score', [own.report.score!], [expected.report.score!]);
            compared++;
            if (own.alignment === undefined) return;
            compare('weight', own.alignment.weights, expected.alignment!.weights);
            compare('probability', own.alignment.probabilities, expected.alignment!.probabilities);
            aligned++;
          }),
        );
        await eventually(() => batched.stats().running + batched.stats().waiting === 0);
        reused += batched.stats().reusedPromptTokens;
      } finally {
        await batched.close();
      }
    }),
    runs(25),
  );
  t.ok(compared > 25 && aligned > 10, `${compared} texts were compared, ${aligned} alignments`);
  t.ok(reused > 0, `${reused} positions were in the cache`);
});
