/** The sum of log-probabilities that a report tells. */
import fc from 'fast-check';
import t from 'tap';
import { processLogits } from '#engine/sampling/logits-rules.js';
import { TokenCounts } from '#engine/sampling/penalties.js';
import type { GenerationRequest, SamplingParameters, TokenConstraint } from '#engine/types.js';
import { greedy, GREEDY } from '#test/support/generation-request.js';
import { all, ids, letterEngine } from '#test/support/letter-engine.js';
import { END, letterTokenizer } from '#test/support/letter-tokenizer.js';
import { runs } from '#test/support/property-runs.js';
import { logSoftmax } from '#test/support/reference-beam-search.js';
import { seededRandom } from '#test/support/seeded-random.js';

const { vocabularySize } = letterTokenizer;
const CONTEXT = 40;

function logitsAfter(tokens: readonly number[]): number[] {
  const random = seededRandom(tokens.reduce((hash, id) => (hash * 31 + id + 1) % 1_000_003, 7));
  // Some are far below others.
  return Array.from({ length: vocabularySize }, () => Math.fround(60 * random() ** 4));
}

/** Lets even ids through where an even number of tokens was written, and odd ones elsewhere. */
function parity(): TokenConstraint {
  let written = 0;
  return {
    mask(logits) {
      for (let id = 0; id < logits.length; id++) if (id % 2 !== written % 2) logits[id] = -Infinity;
    },
    accept: () => void written++,
    complete: false,
    shortened: false,
  };
}

const sampling = fc.record(
  {
    temperature: fc.constantFrom(0, 0.7, 1.5),
    topP: fc.constantFrom(1, 0.9),
    topK: fc.constantFrom(0, 3),
    repetitionPenalty: fc.constantFrom(1, 1.5),
    presencePenalty: fc.constantFrom(0, 1),
    logitBias: fc.constantFrom(new Map<number, number>(), new Map([[END, 20]])),
    suppressedIds: fc.constantFrom([], [3, 4, 5]),
    bannedSequences: fc.constantFrom([], [[6], [7]]),
    noRepeatNgram: fc.constantFrom(0, 1),
    seed: fc.nat(),
  },
  { requiredKeys: ['seed'] },
);

t.test('it is the sum of what rules leave, before temperature', async t => {
  let [compared, stopped] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          start: fc.array(fc.nat(25), { minLength: 1, maxLength: 5 }),
          sampling,
          constrained: fc.boolean(),
          maxTokens: fc.integer({ min: 1, max: 20 }),
        }),
        { minLength: 1, maxLength: 5 },
      ),
      fc.constantFrom(0, 3),
      fc.boolean(),
      async (cases, draftTokens, tellsSums) => {
        const closing: (() => Promise<void>)[] = [];
        const { engine, decoder } = letterEngine(
          { teardown: close => void closing.push(close) },
          { slots: 3, contextLength: CONTEXT, options: { draftTokens, reservedTokens: 1, cacheTokens: 60 } },
        );
        decoder.tellsSums = tellsSums;
        decoder.spoil = (logits, tokens) => logits.set(logitsAfter(tokens));
        await Promise.all(
          cases.map(async ({ start, sampling: own, constrained, maxTokens }) => {
            const base = greedy(start, { maxTokens, stopTokenIds: new Set([END]) });
            const parameters: SamplingParameters = { ...GREEDY, ...own };
            const asked = (): GenerationRequest => ({
              ...base,
              sampling: parameters,
              scored: true,
              constraint: constrained ? parity() : undefined,
            });
            const events = await all(engine.generate(asked()));
            const event = events.at(-1);
            if (event?.type !== 'delta') throw new Error('no delta');
            const request = asked();
            const tokens = [...start];
            const counts = new TokenCounts(start);
            let score = 0;
            for (const id of ids(events)) {
              const logits = Float32Array.from(logitsAfter(tokens));
              const generated = tokens.length - start.length;
              const remaining = maxTokens - generated;
              const { constraint } = request;
              const text = {
                request,
                constraint,
                tokens,
                promptLength: start.length,
                generated,
                remaining,
                counts,
              };
              processLogits(logits, text);
              score += logSoftmax([...logits])[id]!;
              tokens.push(id);
              counts.add(id);
              if (id === END) stopped++;
              else constraint?.accept(id);
            }
            if (!(Math.abs(event.report!.score! - score) < 1e-4))
              throw new Error(`${event.report!.score}, expected ${score}`);
            compared++;
          }),
        );
        for (const close of closing) await close();
      },
    ),
    runs(150),
  );
  t.ok(compared > 150 && stopped > 10, `${compared} were compared, ${stopped} stopped`);
});

t.test('a forced token is certain, and where bans leave nothing, what they leave is a draw', async t => {
  const { engine } = letterEngine(t);
  const score = async (sampling: Partial<SamplingParameters>): Promise<number> => {
    const request = { ...greedy([4], { maxTokens: 1 }), sampling: { ...GREEDY, ...sampling }, scored: true };
    const event = (await all(engine.generate(request))).at(-1);
    return event?.type === 'delta' ? event.report!.score! : NaN;
  };
  t.equal(await score({ forcedFirstId: 9 }), 0);
  t.equal(await score({ allowedIds: [5] }), 0);
  t.ok(Math.abs((await score({ allowedIds: [5, 6], suppressedIds: [5, 6] })) + Math.log(2)) < 1e-9);
});
