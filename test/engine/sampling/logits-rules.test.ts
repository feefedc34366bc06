import fc from 'fast-check';
import t from 'tap';
import { processLogits } from '#engine/sampling/logits-rules.js';
import { TokenCounts } from '#engine/sampling/penalties.js';
import type { SamplingParameters } from '#engine/types.js';
import { greedy, GREEDY } from '#test/support/generation-request.js';
import { all, ids, letterEngine } from '#test/support/letter-engine.js';
import { runs } from '#test/support/property-runs.js';

const VOCABULARY = 6;
const MAX_LENGTH = 8;

interface Case {
  readonly prompt: readonly number[];
  readonly output: readonly number[];
  readonly source: readonly number[];
  readonly stops: readonly number[];
  readonly minTokens: number;
  readonly sampling: Partial<SamplingParameters>;
  readonly scores: readonly number[];
}

type Scores = number[];
type Rule = (scores: Scores, tokens: readonly number[]) => Scores;

/** The sequences of a length that stand in a text. */
function ngramsOf(text: readonly number[], size: number): string[] {
  return text.slice(size - 1).map((_, start) => String(text.slice(start, start + size)));
}

const banned = (scores: Scores, isBanned: (id: number) => boolean): Scores =>
  scores.map((score, id) => (isBanned(id) ? -Infinity : score));
const only = (scores: Scores, ids: readonly number[]): Scores =>
  scores.map((_, id) => (ids.includes(id) ? 0 : -Infinity));
const scaled = (score: number, penalty: number): number => (score < 0 ? score * penalty : score / penalty);

/** Transformers' processors, by their definitions and in their order. */
function rulesOf({ prompt, source, stops, minTokens, sampling }: Case): Rule[] {
  const { repetitionPenalty = 1, sourceRepetitionPenalty = 1 } = sampling;
  const { noRepeatNgram: size = 0, sourceNoRepeatNgram: sourceSize = 0, bannedSequences = [] } = sampling;
  const { forcedFirstId, forcedLastIds, suppressedIds = [], suppressedFirstIds = [] } = sampling;
  const ends = (text: readonly number[], sequence: readonly number[]): boolean =>
    String(text.slice(text.length - sequence.length)) === String(sequence);
  const begin = prompt.length > 1 || forcedFirstId === undefined ? prompt.length : prompt.length + 1;
  return [
    scores =>
      scores.map((score, id) => (source.includes(id) ? scaled(score, 1 / sourceRepetitionPenalty) : score)),
    (scores, tokens) =>
      scores.map((score, id) => (tokens.includes(id) ? scaled(score, repetitionPenalty) : score)),
    (scores, tokens) =>
      banned(
        scores,
        id => size > 0 && ngramsOf(tokens, size).includes(ngramsOf([...tokens, id], size).at(-1)!),
      ),
    (scores, tokens) =>
      banned(
        scores,
        id =>
          sourceSize > 0 &&
          ngramsOf(source, sourceSize).includes(ngramsOf([...tokens, id], sourceSize).at(-1)!),
      ),
    (scores, tokens) =>
      banned(scores, id =>
        bannedSequences.some(
          sequence => sequence.length <= tokens.length + 1 && ends([...tokens, id], sequence),
        ),
      ),
    (scores, tokens) => banned(scores, id => tokens.length - prompt.length < minTokens && stops.includes(id)),
    (scores, tokens) =>
      forcedFirstId !== undefined && tokens.length === 1 ? only(scores, [forcedFirstId]) : scores,
    (scores, tokens) =>
      forcedLastIds !== undefined && tokens.length === MAX_LENGTH - 1 ? only(scores, forcedLastIds) : scores,
    scores => banned(scores, id => suppressedIds.includes(id)),
    (scores, tokens) => banned(scores, id => tokens.length === begin && suppressedFirstIds.includes(id)),
  ];
}

const id = fc.nat(VOCABULARY - 1);
const some = fc.array(id, { minLength: 1, maxLength: 2 });
const size = fc.constantFrom(0, 0, 1, 2, 3);
const cases: fc.Arbitrary<Case> = fc.record({
  prompt: fc.array(id, { minLength: 1, maxLength: 2 }),
  output: fc.array(id, { maxLength: MAX_LENGTH - 3 }),
  source: fc.array(id, { minLength: 1, maxLength: 6 }),
  stops: fc.array(id, { maxLength: 2 }),
  minTokens: fc.constantFrom(0, 2),
  sampling: fc.record(
    {
      repetitionPenalty: fc.constantFrom(1, 0.5, 2),
      sourceRepetitionPenalty: fc.constantFrom(1, 0.5, 2),
      noRepeatNgram: size,
      sourceNoRepeatNgram: size,
      bannedSequences: fc.array(fc.array(id, { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
      forcedFirstId: id,
      forcedLastIds: some,
      suppressedIds: some,
      suppressedFirstIds: some,
    },
    { requiredKeys: [] },
  ),
  scores: fc.array(fc.float({ min: -8, max: 2, noNaN: true }), {
    minLength: VOCABULARY,
    maxLength: VOCABULARY,
  }),
});

t.test('logits are changed as transformers does, whatever stands for 0', async t => {
  fc.assert(
    fc.property(cases, fc.constantFrom(0, 16), (changed, zero) => {
      const { prompt, output, source, stops, minTokens, scores } = changed;
      const sampling = { ...GREEDY, ...changed.sampling };
      const tokens = [...prompt, ...output];
      const counts = new TokenCounts(prompt);
      for (const token of output) counts.add(token);
      const logits = Float32Array.from(scores, score => score + zero);
      const before = [...logits];
      const request = greedy(prompt, { stopTokenIds: new Set(stops), minTokens });
      const isChanged = processLogits(
        logits,
        {
          request: { ...request, sourceIds: source, sampling },
          constraint: undefined,
          tokens,
          promptLength: prompt.length,
          generated: output.length,
          remaining: MAX_LENGTH - tokens.length,
          counts,
        },
        zero,
      );
      const expected = rulesOf(changed).reduce((row, rule) => rule(row, tokens), [...scores]);
      expected.forEach((score, token) => {
        const logit = logits[token]! - zero;
        if (!(logit === score || Math.abs(logit - score) < 1e-5))
          throw new Error(`${token}: ${logit}, expected ${score}`);
      });
      if (!isChanged && String([...logits]) !== String(before))
        throw new Error('nobody was told of the change');
    }),
    runs(4000),
  );
  t.end();
});

t.test('the engine obeys forced, suppressed and repeated tokens, greedy and drawn', async t => {
  const { engine } = letterEngine(t, { options: { draftTokens: 3 }, next: ([first]) => first! });
  for (const temperature of [0, 0.3]) {
    const written = async (sampling: Partial<SamplingParameters>): Promise<number[]> => {
      const request = greedy([4], { maxTokens: 5 });
      return ids(
        await all(
          engine.generate({ ...request, sampling: { ...GREEDY, temperature, seed: 3, ...sampling } }),
        ),
      );
    };
    const drawn = await written({ forcedFirstId: 9, forcedLastIds: [7], suppressedIds: [4] });
    t.equal(drawn[0], 9);
    t.equal(drawn[4], 7);
    t.notOk(drawn.includes(4));
    t.not((await written({ suppressedFirstIds: [4] }))[0], 4);
    t.equal(new Set(await written({ noRepeatNgram: 1 })).size, 5);
  }
});

t.test('bans give way where they leave nothing', async t => {
  const { engine } = letterEngine(t);
  const sampling = { ...GREEDY, allowedIds: [5], suppressedIds: [5], noRepeatNgram: 1 };
  t.strictSame(ids(await all(engine.generate({ ...greedy([4], { maxTokens: 3 }), sampling }))), [5, 5, 5]);
});
