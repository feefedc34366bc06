import t, { type Test } from 'tap';
import { readGenerationConfig } from '#model/generation-config.js';

type Files = Readonly<Record<string, object>>;

async function readFiles(
  t: Test,
  files: Files,
  generator?: Parameters<typeof readGenerationConfig>[1],
): Promise<{ bosId: number | undefined; eosIds: number[] }> {
  const contents = Object.entries(files).map(([name, content]) => [name, JSON.stringify(content)]);
  const folder = t.testdir(Object.fromEntries(contents) as Record<string, string>);
  const { bosId, eosIds } = await readGenerationConfig(folder, generator);
  return { bosId, eosIds: [...eosIds] };
}

t.test('where a text begins and ends', async t => {
  const read = (files: Files) => readFiles(t, files);
  const config = { bos_token_id: 1, eos_token_id: 2 };
  t.strictSame(await read({}), { bosId: undefined, eosIds: [] });
  t.strictSame(await read({ 'config.json': config }), { bosId: 1, eosIds: [2] });
  t.strictSame(await read({ 'config.json': config, 'generation_config.json': { eos_token_id: [3, 4] } }), {
    bosId: 1,
    eosIds: [3, 4],
  });
  const model = { bos_token_id: 5, eos_token_id: [6, 7], type: 'phi3' };
  t.strictSame(await read({ 'genai_config.json': { model } }), { bosId: 5, eosIds: [6, 7] });
  t.strictSame(await read({ 'config.json': { bos_token_id: -1, eos_token_id: [2, -1] } }), {
    bosId: undefined,
    eosIds: [2],
  });
  for (const eos of [-2, 1.5, '</s>', [{}]])
    await t.rejects(read({ 'config.json': { eos_token_id: eos } }), { code: 'invalid_model' });
});

t.test("a generator's text ends at whatever any of its files names", async t => {
  const ids = new Map([
    ['<|im_end|>', 9],
    ['</s>', 2],
    ['<s>', 1],
  ]);
  const read = (files: Files) => readFiles(t, files, { id: token => ids.get(token) });
  const files = { 'config.json': { eos_token_id: 2 }, 'generation_config.json': { eos_token_id: [3, 4] } };
  t.strictSame(await read(files), { bosId: undefined, eosIds: [3, 4, 2] });
  const spelled = { 'tokenizer_config.json': { eos_token: '<|im_end|>', bos_token: '<s>' } };
  t.strictSame(await read({ ...files, ...spelled }), { bosId: 1, eosIds: [3, 4, 2, 9] });
  const described = { 'tokenizer_config.json': { eos_token: { content: '<|im_end|>', lstrip: false } } };
  t.strictSame(await read(described), { bosId: undefined, eosIds: [9] });
  const map = { 'special_tokens_map.json': { eos_token: { content: '</s>' }, bos_token: '<s>' } };
  t.strictSame(await read(map), { bosId: 1, eosIds: [2] });
  t.strictSame(await read({ ...map, ...described }), { bosId: 1, eosIds: [9] }, 'the newer file says more');
  t.strictSame(await read({ 'tokenizer_config.json': { eos_token: 'nothing', bos_token: null } }), {
    bosId: undefined,
    eosIds: [],
  });
  t.strictSame(
    await readFiles(t, { ...files, ...spelled }),
    { bosId: undefined, eosIds: [3, 4] },
    'no generator',
  );
});
