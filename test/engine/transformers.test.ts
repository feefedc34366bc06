/**
 * Texts, hypotheses and scores of the engine over real graphs are those of transformers' `generate`, under each rule that may change
 * them, whoever else is in the batch.
 */
import { cp } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { openDecoder } from '#bench/support/open-decoder.js';
import { Environment } from '#runtime/index.js';
import { checkDefaults, checkSearches, idEngine } from '#test/support/check-searches.js';
import { openSeq2Seq } from '#test/support/check-seq2seq.js';
import {
  readGeneratorSearches,
  readSeq2SeqFixtures,
  searchedGenerators,
} from '#test/support/seq2seq-fixtures.js';

const SLOTS = 12;
const environment = new Environment({ logLevel: 'fatal' });

/** A folder to build in. */
async function copied(t: Test, folder: string): Promise<string> {
  const copy = t.testdir();
  await cp(folder, copy, { recursive: true });
  return copy;
}

for (const fixture of await readSeq2SeqFixtures())
  t.test(fixture.name, async t => {
    const decoder = await openSeq2Seq(t, await copied(t, fixture.folder), { slots: SLOTS });
    const { decoder_start_token_id: start, eos_token_id: end } = fixture.config as Record<string, number>;
    const engine = idEngine(t, decoder);
    await checkSearches(t, engine, fixture, { start: start!, end: end! });
    await checkDefaults(t, engine, fixture, end!);
  });

for (const name of await searchedGenerators())
  t.test(name, async t => {
    const { folder, end, ...searches } = await readGeneratorSearches(name);
    const copy = await copied(t, folder);
    const decoder = await openDecoder(environment, copy, SLOTS, 'f32', { intraOpThreads: 1 });
    t.teardown(() => decoder.dispose());
    await checkSearches(t, idEngine(t, decoder), searches, { end });
  });
