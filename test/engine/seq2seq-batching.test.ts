import { cp } from 'node:fs/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { Engine } from '#engine/engine.js';
import type { EngineOptions } from '#engine/engine-options.js';
import type { GenerationRequest } from '#engine/types.js';
import { loadSeq2Seq } from '#model/decoder/load-seq2seq.js';
import { Environment } from '#runtime/index.js';
import type { Tokenizer } from '#text/types.js';
import { collect, differs } from '#test/support/answers.js';
import { greedy } from '#test/support/generation-request.js';
import { eventually } from '#test/support/eventually.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';
import { runs } from '#test/support/property-runs.js';
import { readSeq2SeqExports, readSeq2SeqFixture } from '#test/support/seq2seq-fixtures.js';

const environment = new Environment({ logLevel: 'fatal' });

/** Of the tiny models: the smallest vocabulary of them, and the longest text and source. */
const VOCABULARY = 43;
const LONGEST = 24;
const END = 2;

/** A character for each token. */
const tokenizer: Tokenizer = {
  ...letterTokenizer,
  vocabularySize: VOCABULARY,
  specialIds: new Set(),
  decode: ids => String.fromCharCode(...ids.map(id => 65 + id)),
};

const id = fc.nat(VOCABULARY - 1);

const plan = fc.record({
  slots: fc.integer({ min: 1, max: 5 }),
  prefillTokens: fc.integer({ min: 1, max: 60 }),
  /** Share of the cache that may be used: below 1, sequences must give way to one another. */
  cacheShare: fc.double({ min: 0, max: 1, noNaN: true }),
  draftTokens: fc.constantFrom(0, 3),
  requests: fc.array(
    fc.record({
      source: fc.array(id, { minLength: 1, maxLength: LONGEST }),
      /** Whether it has the source of the one before. */
      repeats: fc.boolean(),
      /** Texts begin with one token or two, and some with more. */
      begins: fc.oneof(
        { weight: 3, arbitrary: fc.array(id, { minLength: 1, maxLength: 2 }) },
        fc.array(id, { minLength: 3, maxLength: 20 }),
      ),
      maxTokens: fc.integer({ min: 1, max: LONGEST }),
      /** Whether a token ends its text. */
      ends: fc.boolean(),
      /** Steps after which it comes. */
      delay: fc.nat(20),
      /** Tokens after which its reader goes away. */
      leavesAfter: fc.option(fc.nat(6), { freq: 3 }),
    }),
    { minLength: 2, maxLength: 9, size: '+1' },
  ),
});

async function openEngines(t: Test, fixture: string) {
  const folder = t.testdir();
  await cp(fixture, folder, { recursive: true });
  return async (slots: number, options: Partial<EngineOptions>): Promise<Engine> => {
    const { decoder } = await loadSeq2Seq(environment, folder, { slots, session: { intraOpThreads: 1 } });
    return new Engine(decoder, tokenizer, options);
  };
}

/** Engines of exports take longer to open: their graphs are tried out. */
const MODELS = [
  ...(await Promise.all(['bart', 'm2m_100', 't5'].map(readSeq2SeqFixture))).map(model => ({
    ...model,
    batches: 25,
  })),
  ...(await readSeq2SeqExports()).map(model => ({ ...model, name: `exported ${model.name}`, batches: 8 })),
];

for (const { name, folder, batches } of MODELS)
  t.test(`${name}: whoever else is in the batch, answers are those of the request alone`, async t => {
    const open = await openEngines(t, folder);
    const alone = await open(1, { reusesPrefix: false });
    t.teardown(() => alone.close());
    let [compared, preempted, reused] = [0, 0, 0];
    await fc.assert(
      fc.asyncProperty(plan, async ({ slots, cacheShare, requests, ...options }) => {
        const cacheTokens = Math.ceil(2 * LONGEST * (1 + (slots - 1) * cacheShare));
        const batched = await open(slots, { ...options, cacheTokens, reservedTokens: 2 });
        try {
          let source: readonly number[] = [];
          const all = requests.map(
            ({ begins, maxTokens, ends, repeats, ...own }, index): GenerationRequest => {
              if (!repeats || index === 0) ({ source } = own);
              const stopTokenIds = new Set(ends ? [END] : []);
              return {
                ...greedy(begins, { id: String(index), maxTokens, logprobs: 2, stopTokenIds }),
                sourceIds: source,
              };
            },
          );
          const answers = await Promise.all(
            requests.map(async ({ delay, leavesAfter }, index) => {
              for (let i = 0; i < delay; i++) await new Promise(resolve => setImmediate(resolve));
              if (leavesAfter === null) return collect(batched, all[index]!);
              let left: number = leavesAfter;
              for await (const _ of batched.generate(all[index]!)) if (left-- === 0) break;
              return undefined;
            }),
          );
          for (const [index, answer] of answers.entries()) {
            if (answer === undefined) continue;
            const difference = differs(answer, await collect(alone, all[index]!));
            if (difference !== undefined) throw new Error(difference);
            compared++;
          }
          await eventually(() => {
            const { running, waiting } = batched.stats();
            return running + waiting === 0;
          });
          preempted += batched.stats().preemptions;
          reused += batched.stats().reusedPromptTokens;
        } finally {
          await batched.close();
        }
      }),
      runs(batches),
    );
    t.ok(compared > batches, `${compared} answers were compared`);
    t.ok(preempted + reused > 0, `${preempted} gave way, ${reused} tokens were in the cache`);
  });
