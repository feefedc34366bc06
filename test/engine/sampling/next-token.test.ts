import fc from 'fast-check';
import t from 'tap';
import { Engine } from '#engine/engine.js';
import type { TokenConstraint } from '#engine/types.js';
import { collect } from '#test/support/answers.js';
import { FakeDecoder } from '#test/support/fake-decoder.js';
import { greedy, GREEDY } from '#test/support/generation-request.js';
import { END, letterTokenizer } from '#test/support/letter-tokenizer.js';
import { runs } from '#test/support/property-runs.js';

const { vocabularySize } = letterTokenizer;
const STOPS = new Set([7, END]);
const MAX_TOKENS = 8;

/** A request that changes rows of logits. */
interface Change {
  readonly start: readonly number[];
  readonly biases: readonly (readonly [id: number, bias: number])[];
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly minTokens: number;
  /** Ids that a constraint lets through, by how many tokens came before; null: there is none. */
  readonly allowed: readonly (readonly number[])[] | null;
}

const letters = fc.uniqueArray(fc.nat(25), { minLength: 1, maxLength: 6 });
const change: fc.Arbitrary<Change> = fc.record({
  // Often just before a stop token.
  start: fc.array(fc.oneof(fc.nat(25), fc.integer({ min: 3, max: 5 })), { minLength: 1, maxLength: 4 }),
  biases: fc.array(fc.tuple(fc.nat(27), fc.double({ min: -5, max: 5, noNaN: true })), { maxLength: 3 }),
  repetitionPenalty: fc.constantFrom(1, 1, 2.5),
  presencePenalty: fc.constantFrom(0, 0, 1.5),
  frequencyPenalty: fc.constantFrom(0, 0, 0.7),
  minTokens: fc.constantFrom(0, 4),
  allowed: fc.option(fc.array(letters, { minLength: 1, maxLength: 3 }), { freq: 1 }),
});

const following = (tokens: readonly number[]): number => (tokens.at(-1)! + 1) % 26;

function constraintOf(allowed: readonly (readonly number[])[]): TokenConstraint {
  let accepted = 0;
  return {
    mask(logits) {
      const ids = allowed[accepted % allowed.length]!;
      for (let id = 0; id < logits.length; id++) if (!ids.includes(id)) logits[id] = -Infinity;
    },
    accept: () => void accepted++,
    complete: false,
    shortened: false,
  };
}

/** What a greedy sequence generates, by the definitions, with a look at each logit of each row. */
function generated({ start, biases, minTokens, allowed, ...penalties }: Change): number[] {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = penalties;
  const bias = new Map(biases);
  const output: number[] = [];
  while (output.length < MAX_TOKENS) {
    const best = following([...start, ...output]);
    const row = Float32Array.from({ length: vocabularySize }, (_, id) => {
      const logit = id === best ? 2 : id === (best + 1) % vocabularySize ? 1 : 0;
      const times = output.filter(other => other === id).length;
      const repeated = Math.fround(times > 0 || start.includes(id) ? logit / repetitionPenalty : logit);
      const penalty = times > 0 ? presencePenalty + frequencyPenalty * times : 0;
      return Math.fround(repeated - penalty) + (bias.get(id) ?? 0);
    });
    const shut = (id: number): boolean =>
      (allowed !== null && !allowed[output.length % allowed.length]!.includes(id)) ||
      (output.length < minTokens && STOPS.has(id));
    const open = [...row.keys()].filter(id => !shut(id));
    // Where only the end may follow, it may, and all ends are equal.
    const end = allowed === null ? 0 : Math.min(...allowed[output.length % allowed.length]!);
    output.push(open.reduce((largest, id) => (row[id]! > row[largest]! ? id : largest), open[0] ?? end));
    if (STOPS.has(output.at(-1)!)) break;
  }
  return output;
}

t.test(
  'something that is allowed is drawn, whatever penalties did and the model itself excludes',
  async t => {
    const decoder = new FakeDecoder(1, vocabularySize, 64, following);
    decoder.spoil = logits => {
      logits.fill(-1);
      logits[3] = -Infinity;
      logits[4] = -Infinity;
    };
    const engine = new Engine(decoder, letterTokenizer);
    t.teardown(() => engine.close());
    const penalized = { ...GREEDY, repetitionPenalty: 1e300, logitBias: new Map([[5, -100]]) };
    for (const temperature of [0, 1])
      for (const only of [[3], [5], [3, 4], [3, 5], [7]]) {
        const stop = { minTokens: 2, maxTokens: MAX_TOKENS, stopTokenIds: STOPS };
        const { tokens } = await collect(engine, {
          ...greedy([1, 5], { logprobs: 0, ...stop }),
          sampling: { ...penalized, temperature },
          constraint: constraintOf([only]),
        });
        t.ok(
          tokens.every(({ id }) => only.includes(id)),
          `${tokens.map(({ id }) => id).join()} of ${only.join()}`,
        );
        t.equal(tokens.length, only[0] === 7 ? 1 : MAX_TOKENS);
      }
    const nothing = { ...greedy([1]), constraint: constraintOf([[]]) };
    await t.rejects(collect(engine, nothing), { message: 'the constraint leaves no token' });
  },
);

t.test('whatever changes a row, the greedy token is the largest of what comes of it', async t => {
  let changed = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      fc.constantFrom(0, 3),
      async (changes, mixes, draftTokens) => {
        const decoder = new FakeDecoder(3, vocabularySize, 64, following);
        decoder.traits = { ...decoder.traits, mixes, packs: mixes };
        const engine = new Engine(decoder, letterTokenizer, { draftTokens });
        const answers = await Promise.all(
          changes.map(({ start, biases, minTokens, allowed, ...penalties }, index) => {
            const stop = { minTokens, maxTokens: MAX_TOKENS, stopTokenIds: STOPS };
            return collect(engine, {
              ...greedy(start, { id: String(index), logprobs: 0, ...stop }),
              sampling: { ...GREEDY, ...penalties, logitBias: new Map(biases) },
              constraint: allowed === null ? undefined : constraintOf(allowed),
            });
          }),
        );
        await engine.close();
        answers.forEach(({ tokens }, index) => {
          const found = tokens.map(({ id }) => id).join();
          const expected = generated(changes[index]!).join();
          if (found !== expected) throw new Error(`${found}, not ${expected}`);
          const plain = { biases: [], minTokens: 0, allowed: null };
          const none = { repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 };
          changed += Number(generated({ ...changes[index]!, ...plain, ...none }).join() !== found);
        });
      },
    ),
    runs(200),
  );
  t.ok(changed > 100, `${changed} answers were others than the decoder's own`);
});
