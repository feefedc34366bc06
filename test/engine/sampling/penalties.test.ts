import t from 'tap';
import { applyPenalties, changesLogits, TokenCounts } from '#engine/sampling/penalties.js';
import type { SamplingParameters } from '#engine/types.js';
import { GREEDY } from '#test/support/generation-request.js';

function apply(
  parameters: Partial<SamplingParameters>,
  prompt: number[],
  generated: number[],
  logits: number[],
): number[] {
  const counts = new TokenCounts(prompt);
  generated.forEach(id => counts.add(id));
  const changed = Float32Array.from(logits);
  applyPenalties(changed, { ...GREEDY, ...parameters }, counts);
  return [...changed];
}

t.test('repetition penalty shrinks logits of prompt and output towards improbable, once each', async t => {
  t.strictSame(apply({ repetitionPenalty: 2 }, [0, 1], [1, 2, 2], [4, -4, 1, 3]), [2, -8, 0.5, 3]);
});

t.test(
  'presence penalty counts a generated token once, frequency penalty every time, the prompt not at all',
  async t => {
    t.strictSame(apply({ presencePenalty: 1 }, [0], [1, 1, 1], [0, 0, 0]), [0, -1, 0]);
    t.strictSame(apply({ frequencyPenalty: 0.5 }, [0], [1, 1, 1], [0, 0, 0]), [0, -1.5, 0]);
    t.strictSame(apply({ presencePenalty: -1, frequencyPenalty: -0.5 }, [], [2], [0, 0, 0]), [0, 0, 1.5]);
  },
);

t.test('no penalty makes a logit infinite', async t => {
  const largest = 2 ** 128 - 2 ** 104;
  const penalties = { presencePenalty: 2, frequencyPenalty: 2, logitBias: new Map([[1, -100]]) };
  t.strictSame(apply({ repetitionPenalty: 1e308, ...penalties }, [0, 1], [1], [-10, -10]), [
    -largest,
    -largest,
  ]);
  t.strictSame(apply({ repetitionPenalty: 1e-308 }, [0, 1], [], [10, 0]), [largest, 0]);
});

t.test('logit bias is added last', async t => {
  t.strictSame(apply({ repetitionPenalty: 2, logitBias: new Map([[0, 10]]) }, [0], [], [4, 1]), [12, 1]);
});

t.test('knows when there is nothing to change', async t => {
  t.notOk(changesLogits(GREEDY));
  t.ok(changesLogits({ ...GREEDY, presencePenalty: 0.1 }));
  t.ok(changesLogits({ ...GREEDY, logitBias: new Map([[1, 1]]) }));
});
