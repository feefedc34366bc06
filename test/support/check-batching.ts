import type { Test } from 'tap';
import fc from 'fast-check';
import type { EngineOptions } from '#engine/engine-options.js';
import type { GenerationEngine } from '#engine/types.js';
import { loadGeneration } from '#registry/load-generation.js';
import type { GenerationOptions } from '#registry/loaded-generator.js';
import { Environment } from '#runtime/index.js';
import { collect, differs } from './answers.js';
import { greedy } from './generation-request.js';
import { eventually } from './eventually.js';
import { TINY_LLAMA } from './random-llama.js';
import { runs } from './property-runs.js';

/** Opens an engine to be checked; it is closed after each batch. */
export type OpenEngine = (slots: number, engine: Partial<EngineOptions>) => Promise<GenerationEngine>;

const environment = new Environment();

function openLoaded(folder: string, options: Partial<GenerationOptions>): OpenEngine {
  return async (slots, engine) =>
    (await loadGeneration(environment, folder, { ...options, slots, engine })).engine;
}

const CONTEXT = TINY_LLAMA.max_position_embeddings;
/** What prompts have in common. */
const COMMON = Array.from({ length: 40 }, (_, i) => 2 + ((i * 37) % 300));

const plan = fc.record({
  slots: fc.integer({ min: 1, max: 5 }),
  prefillTokens: fc.integer({ min: 1, max: 80 }),
  /** Share of the cache that may be used: below 1, sequences must give way to one another. */
  cacheShare: fc.double({ min: 0, max: 1, noNaN: true }),
  draftTokens: fc.constantFrom(0, 3),
  requests: fc.array(
    fc.record({
      /** Prompts begin with so many tokens of a common one. */
      shared: fc.nat(40),
      prompt: fc.array(fc.integer({ min: 2, max: 319 }), { minLength: 1, maxLength: 40 }),
      maxTokens: fc.integer({ min: 1, max: 25 }),
      /** Alternatives in a report of the prompt. */
      promptLogprobs: fc.option(fc.nat(3), { nil: undefined, freq: 2 }),
      /** Steps after which it comes. */
      delay: fc.nat(12),
      /** Tokens after which its reader goes away. */
      leavesAfter: fc.option(fc.nat(6), { freq: 3 }),
    }),
    { minLength: 2, maxLength: 9 },
  ),
});

/**
 * Whoever else is in the batch, greedy answers are those of the request alone: with slots, chunks, memory and
 * drafts of any size, prompts that share beginnings, requests that come at any time, and readers that go
 * away.
 *
 * @param folder a model of the shape of {@link TINY_LLAMA}.
 * @param open what is checked; by default what the options load. They always say what a request alone is run
 * by.
 */
export async function checkBatching(
  t: Test,
  folder: string,
  numRuns: number,
  options: Partial<GenerationOptions> = {},
  open: OpenEngine = openLoaded(folder, options),
): Promise<void> {
  const alone = await openLoaded(folder, options)(1, { reusesPrefix: false });
  t.teardown(() => alone.close());
  let compared = 0;

  await fc.assert(
    fc.asyncProperty(plan, async ({ slots, prefillTokens, cacheShare, draftTokens, requests }) => {
      const cacheTokens = Math.ceil(CONTEXT * (1 + (slots - 1) * cacheShare));
      const engine = { prefillTokens, cacheTokens, draftTokens, reservedTokens: 4 };
      const batched = await open(slots, engine);
      try {
        const answers = await Promise.all(
          requests.map(async ({ shared, prompt, maxTokens, promptLogprobs, delay, leavesAfter }, index) => {
            for (let i = 0; i < delay; i++) await new Promise(resolve => setImmediate(resolve));
            const ids = [...COMMON.slice(0, shared), ...prompt];
            const request = greedy(ids, { id: String(index), maxTokens, logprobs: 2, promptLogprobs });
            if (leavesAfter === null) return collect(batched, request);
            let left: number = leavesAfter;
            for await (const _ of batched.generate(request)) if (left-- === 0) break;
            return undefined;
          }),
        );
        for (const [index, answer] of answers.entries()) {
          if (answer === undefined) continue;
          const { shared, prompt, maxTokens, promptLogprobs } = requests[index]!;
          const ids = [...COMMON.slice(0, shared), ...prompt];
          const expected = await collect(alone, greedy(ids, { maxTokens, logprobs: 2, promptLogprobs }));
          const difference = differs(answer, expected);
          if (difference !== undefined) throw new Error(difference);
          compared++;
        }
        // A reader that left is noticed at the next step.
        await eventually(() => {
          const { running, waiting } = batched.stats();
          return running + waiting === 0;
        });
      } finally {
        await batched.close();
      }
    }),
    runs(numRuns),
  );
  t.ok(compared > numRuns / 2, `${compared} answers were compared`);
}
