import t from 'tap';
import { entailmentLabels } from '#results/entailment.js';

t.test('labels as transformers finds them', async t => {
  t.strictSame(entailmentLabels(['contradiction', 'neutral', 'entailment']), {
    entailment: 2,
    contradiction: 0,
  });
  t.strictSame(entailmentLabels(['ENTAILMENT', 'neutral', 'contradiction']), {
    entailment: 0,
    contradiction: 2,
  });
  t.strictSame(entailmentLabels(['entailment', 'not_entailment']), { entailment: 0, contradiction: 1 });
  t.equal(entailmentLabels(['not_entailment', 'neutral']), undefined);
  t.equal(entailmentLabels(['entailment']), undefined);
});
