import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { readGenerationConfig } from '#model/generation-config.js';

t.test('where a text begins and ends', async t => {
  const read = async (files: Readonly<Record<string, object>>): Promise<object> => {
    const folder = t.testdir();
    for (const [name, content] of Object.entries(files))
      await writeFile(path.join(folder, name), JSON.stringify(content));
    const { bosId, eosIds } = await readGenerationConfig(folder);
    return { bosId, eosIds: [...eosIds] };
  };
  const config = { bos_token_id: 1, eos_token_id: 2 };
  t.strictSame(await read({}), { bosId: undefined, eosIds: [] });
  t.strictSame(await read({ 'config.json': config }), { bosId: 1, eosIds: [2] });
  t.strictSame(await read({ 'config.json': config, 'generation_config.json': { eos_token_id: [3, 4] } }), {
    bosId: 1,
    eosIds: [3, 4],
  });
  const model = { bos_token_id: 5, eos_token_id: [6, 7], type: 'phi3' };
  t.strictSame(await read({ 'genai_config.json': { model } }), { bosId: 5, eosIds: [6, 7] });
  await t.rejects(read({ 'config.json': { eos_token_id: -1 } }), { code: 'invalid_model' });
});
