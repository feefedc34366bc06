import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { PLAIN_SENTENCES, readSentenceConfig, type SentenceConfig } from '#model/sentence-config.js';

let count = 0;

async function read(t: Test, config?: unknown): Promise<SentenceConfig> {
  const folder = path.join(t.testdirName, `${count++}`);
  await mkdir(folder, { recursive: true });
  if (config !== undefined)
    await writeFile(path.join(folder, 'config_sentence_transformers.json'), JSON.stringify(config));
  return readSentenceConfig(folder);
}

t.test('prompts, the default one, and how much is kept of a vector', async t => {
  const prompts = { query: 'query: ', passage: 'passage: ', plain: '', none: null };
  const config = await read(t, { prompts, default_prompt_name: 'passage', truncate_dim: 64 });
  t.strictSame(
    [...config.prompts],
    [
      ['query', 'query: '],
      ['passage', 'passage: '],
      ['plain', ''],
      ['none', ''],
    ],
  );
  t.equal(config.defaultPrompt, 'passage: ');
  t.equal(config.truncateDim, 64);
});

t.test('what is left out is not done', async t => {
  t.strictSame(await read(t), PLAIN_SENTENCES);
  t.strictSame(await read(t, {}), PLAIN_SENTENCES);
  const nothing = { prompts: {}, default_prompt_name: null, truncate_dim: null };
  t.strictSame(await read(t, nothing), PLAIN_SENTENCES);
  t.equal((await read(t, { prompts: { query: 'q: ' } })).defaultPrompt, '', 'no prompt is the default');
});

t.test('what is broken is named', async t => {
  for (const config of [
    [],
    { default_prompt_name: 'query' },
    { prompts: { query: 'q' }, default_prompt_name: 'other' },
    { prompts: { query: 5 } },
    { prompts: 'query' },
    { truncate_dim: 0 },
    { truncate_dim: 'all' },
  ])
    await t.rejects(read(t, config), { code: 'invalid_model', message: /config_sentence_transformers/ });
});
