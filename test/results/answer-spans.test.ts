import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { findAnswers, type AnswerWindow } from '#results/answer-spans.js';
import { runs } from '#test/support/property-runs.js';

interface Naive {
  start: number;
  end: number;
  score: number;
}

/** All spans with their probabilities, the best first, from the definition. */
function allSpans(
  windows: readonly AnswerWindow[],
  maxLength: number,
): { spans: Naive[]; nullScore: number } {
  const best = (of: 'starts' | 'ends'): number[] => {
    const logits = new Map<number, number>();
    for (const window of windows) {
      Array.from(window[of]).forEach((logit, i) => {
        const token = window.first + i;
        logits.set(token, Math.max(logits.get(token) ?? -Infinity, logit));
      });
    }
    return [...logits.values()];
  };
  const sum = (values: number[]): number => values.reduce((total, value) => total + Math.exp(value), 0);
  const least = [...windows].sort((a, b) => a.nullStart + a.nullEnd - b.nullStart - b.nullEnd)[0]!;
  const starts = sum([least.nullStart, ...best('starts')]);
  const ends = sum([least.nullEnd, ...best('ends')]);
  const score = (start: number, end: number): number => (Math.exp(start) / starts) * (Math.exp(end) / ends);
  const spans = new Map<string, Naive>();
  for (const window of windows) {
    for (let start = 0; start < window.starts.length; start++) {
      for (let end = start; end < window.ends.length && end < start + maxLength; end++) {
        const span = {
          start: window.first + start,
          end: window.first + end,
          score: score(window.starts[start]!, window.ends[end]!),
        };
        const key = `${span.start}-${span.end}`;
        if ((spans.get(key)?.score ?? -1) < span.score) spans.set(key, span);
      }
    }
  }
  return {
    spans: [...spans.values()].sort((a, b) => b.score - a.score),
    nullScore: score(least.nullStart, least.nullEnd),
  };
}

t.test('one window: the product of two distributions, "no answer" among their places', async t => {
  const window = { first: 0, starts: [0, Math.log(2)], ends: [0, 0], nullStart: 0, nullEnd: Math.log(2) };
  const { spans, nullScore } = findAnswers([window], 3, 15);
  t.strictSame(
    spans.map(({ start, end }) => [start, end]),
    [
      [1, 1],
      [0, 0],
      [0, 1],
    ],
  );
  const close = (actual: number, expected: number): void => {
    t.ok(Math.abs(actual - expected) < 1e-12, `${actual} is ${expected}`);
  };
  close(spans[0]!.score, (2 / 4) * (1 / 4));
  close(spans[1]!.score, (1 / 4) * (1 / 4));
  close(nullScore, (1 / 4) * (2 / 4));
});

t.test('an answer in one window beats "no answer" in all others', async t => {
  const empty = { first: 0, starts: [-5, -5], ends: [-5, -5], nullStart: 6, nullEnd: 6 };
  const full = { first: 2, starts: [5, -5], ends: [-5, 5], nullStart: -5, nullEnd: -5 };
  const { spans, nullScore } = findAnswers([empty, full, { ...empty, first: 4 }], 1, 15);
  t.match(spans, [{ start: 2, end: 3 }]);
  t.ok(spans[0]!.score > 0.99);
  t.ok(nullScore < 0.01);
});

t.test('a context without tokens has no answer', async t => {
  const { spans, nullScore } = findAnswers(
    [{ first: 0, starts: [], ends: [], nullStart: 1, nullEnd: -3 }],
    5,
    15,
  );
  t.strictSame(spans, []);
  t.equal(nullScore, 1);
});

t.test('agrees with looking at every span', async () => {
  const logit = fc.double({ min: -8, max: 8, noNaN: true });
  const windows = fc
    .record({
      size: fc.integer({ min: 1, max: 8 }),
      overlap: fc.nat(7),
      count: fc.integer({ min: 1, max: 4 }),
    })
    .chain(({ size, overlap, count }) => {
      const step = size - Math.min(overlap, size - 1);
      const row = fc.array(logit, { minLength: size, maxLength: size });
      return fc
        .array(fc.record({ starts: row, ends: row, nullStart: logit, nullEnd: logit }), {
          minLength: count,
          maxLength: count,
        })
        .map(list => list.map((window, index) => ({ ...window, first: index * step })));
    });
  const property = fc.property(
    windows,
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 9 }),
    (list, topK, maxLength) => {
      const expected = allSpans(list, maxLength);
      const { spans, nullScore } = findAnswers(list, topK, maxLength);
      assert.equal(spans.length, Math.min(topK, expected.spans.length));
      spans.forEach((span, index) => {
        const same = expected.spans.find(other => other.start === span.start && other.end === span.end)!;
        assert.ok(Math.abs(same.score - span.score) < 1e-12);
        assert.ok(Math.abs(expected.spans[index]!.score - span.score) < 1e-12, 'the best first');
      });
      assert.ok(Math.abs(nullScore - expected.nullScore) < 1e-12);
      assert.ok(spans.reduce((sum, { score }) => sum + score, 0) <= 1 + 1e-9);
    },
  );
  fc.assert(property, runs(100));
});
