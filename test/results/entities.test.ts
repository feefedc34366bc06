import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { groupEntities, labelToken, type AggregationStrategy, type ScoredToken } from '#results/entities.js';
import { runs } from '#test/support/property-runs.js';

const LABELS = ['O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC', 'MISC'];
const STRATEGIES: AggregationStrategy[] = ['simple', 'first', 'average', 'max'];

/** A token of one character with a probability for one label, and the rest for another. */
function token(start: number, label: string, score = 0.9, other = label === 'O' ? 'MISC' : 'O'): ScoredToken {
  const scores = LABELS.map(name => (name === label ? score : name === other ? 1 - score : 0));
  return { start, end: start + 1, scores };
}

/** Words of single tokens with these labels. */
function words(...labels: string[]): ScoredToken[][] {
  return labels.map((label, index) => [token(2 * index, label)]);
}

function summary(tokens: readonly (readonly ScoredToken[])[], strategy: AggregationStrategy): string[] {
  return groupEntities(tokens, LABELS, strategy).map(
    ({ label, start, end, score }) => `${label} ${start}-${end} ${score.toFixed(3)}`,
  );
}

t.test('a token has its most probable label', async t => {
  t.strictSame(labelToken(token(3, 'B-LOC', 0.75), LABELS), {
    start: 3,
    end: 4,
    label: 'B-LOC',
    score: 0.75,
  });
});

for (const strategy of STRATEGIES) {
  t.test(`words of one token, ${strategy}`, async t => {
    t.strictSame(
      summary(words('B-PER', 'I-PER', 'O', 'O', 'B-LOC', 'B-LOC', 'I-PER', 'MISC', 'MISC'), strategy),
      [
        'PER 0-3 0.900',
        'O 4-7 0.900',
        'LOC 8-9 0.900',
        'LOC 10-11 0.900',
        'PER 12-13 0.900',
        'MISC 14-17 0.900',
      ],
    );
    t.strictSame(summary([], strategy), []);
  });
}

t.test("an entity's score is the mean of its parts'", async t => {
  t.strictSame(summary([[token(0, 'B-PER', 0.9)], [token(2, 'I-PER', 0.6)]], 'simple'), ['PER 0-3 0.750']);
});

t.test('a word in parts that disagree', async t => {
  const word = [token(0, 'B-PER', 0.6), token(1, 'I-LOC', 0.99), token(2, 'I-PER', 0.7)];
  t.strictSame(summary([word], 'simple'), ['PER 0-1 0.600', 'LOC 1-2 0.990', 'PER 2-3 0.700']);
  t.strictSame(summary([word], 'first'), ['PER 0-3 0.600']);
  t.strictSame(summary([word], 'max'), ['LOC 0-3 0.990']);
  t.strictSame(summary([word], 'average'), ['LOC 0-3 0.330']);
  const mostlyO = [token(0, 'B-PER', 0.8), token(1, 'B-PER', 0.4, 'O'), token(2, 'O', 0.9)];
  t.strictSame(summary([mostlyO], 'average'), ['O 0-3 0.567']);
});

t.test('transformers: the strategies on its own example', async t => {
  // "Micro|soft| com|pany", from the docstring of its aggregate_words.
  const text = [
    [token(0, 'B-PER', 0.9), token(1, 'I-LOC', 0.8)],
    [token(3, 'I-PER', 0.7), token(4, 'I-PER', 0.95)],
  ];
  t.strictSame(summary(text, 'first'), ['PER 0-5 0.800']);
  t.strictSame(summary(text, 'max'), ['PER 0-5 0.925']);
});

t.test('entities cover the words in order, and their labels are those of their words', async () => {
  const scores = fc
    .array(fc.double({ min: 0.01, max: 1, noNaN: true }), {
      minLength: LABELS.length,
      maxLength: LABELS.length,
    })
    .map(weights => {
      const sum = weights.reduce((total, weight) => total + weight, 0);
      return weights.map(weight => weight / sum);
    });
  const text = fc.array(fc.array(scores, { minLength: 1, maxLength: 4 }), { maxLength: 8 }).map(shape => {
    let at = 0;
    return shape.map(word => {
      at++;
      return word.map(scores => ({ start: at, end: ++at, scores }));
    });
  });
  const property = fc.property(text, fc.constantFrom(...STRATEGIES), (words, strategy) => {
    const entities = groupEntities(words, LABELS, strategy);
    const tokens = words.flat();
    const bounds = new Set((strategy === 'simple' ? tokens : words.map(word => word[0]!)).map(x => x.start));
    let covered = 0;
    entities.forEach(({ start, end, label, score }, index) => {
      assert.ok(bounds.has(start), 'begins where a word does');
      assert.ok(score > 0 && score <= 1);
      assert.doesNotMatch(label, /^[BI]-/);
      assert.ok(start < end);
      if (index > 0) assert.ok(start >= entities[index - 1]!.end);
      covered += tokens.filter(token => token.start >= start && token.end <= end).length;
    });
    assert.equal(covered, tokens.length, 'every token is in exactly one');
    // Independent of the grouping: the label of each part, by its definition.
    const parts = strategy === 'simple' ? tokens.map(token => [token]) : words;
    for (const part of parts) {
      const mean = LABELS.map((_, label) =>
        strategy === 'average'
          ? part.reduce((sum, { scores }) => sum + scores[label]!, 0)
          : strategy === 'max'
            ? Math.max(...part.map(({ scores }) => scores[label]!))
            : part[0]!.scores[label]!,
      );
      const best = LABELS[mean.indexOf(Math.max(...mean))]!.replace(/^[BI]-/, '');
      const entity = entities.find(({ start, end }) => start <= part[0]!.start && part.at(-1)!.end <= end);
      assert.equal(entity?.label, best);
    }
  });
  fc.assert(property, runs(60));
});
