/**
 * Texts, hypotheses and scores of the engine over real graphs are those of transformers' `generate`, under each rule that may change
 * them, whoever else is in the batch.
 */
import t from 'tap';
import { copySeq2SeqFixture } from '#test/support/changed-seq2seq.js';
import { checkDefaults, checkSearches, idEngine } from '#test/support/check-searches.js';
import { openSeq2Seq } from '#test/support/check-seq2seq.js';
import { readSeq2SeqFixtures } from '#test/support/seq2seq-fixtures.js';

for (const fixture of await readSeq2SeqFixtures())
  t.test(fixture.name, async t => {
    const decoder = await openSeq2Seq(t, await copySeq2SeqFixture(t, fixture.name), 'f32', 12);
    const engine = idEngine(t, decoder);
    await checkSearches(t, engine, fixture);
    await checkDefaults(t, engine, fixture);
  });
