import t from 'tap';
import { readSamplingConfig, type GenerationConfigUse } from '#model/sampling-config.js';

t.test('how tokens are drawn where a request does not say', async t => {
  const warnings: string[] = [];
  const read = (files: Readonly<Record<string, object>>, use?: GenerationConfigUse) => {
    const contents = Object.entries(files).map(([name, content]) => [name, JSON.stringify(content)]);
    return readSamplingConfig(
      t.testdir(Object.fromEntries(contents) as Record<string, string>),
      use,
      warning => warnings.push(warning),
    );
  };
  const own = (fields: object, use?: GenerationConfigUse) => read({ 'generation_config.json': fields }, use);

  t.strictSame(await read({}), {});
  const all = {
    temperature: 0.6,
    top_k: 20,
    top_p: 0.95,
    min_p: 0.1,
    repetition_penalty: 1.05,
    max_new_tokens: 9,
  };
  const expected = {
    temperature: 0.6,
    topK: 20,
    topP: 0.95,
    minP: 0.1,
    repetitionPenalty: 1.05,
    maxTokens: 9,
  };
  t.strictSame(await own({ ...all, do_sample: true }), expected);
  t.strictSame(await own({ ...all, do_sample: false }), expected, 'vLLM does not ask for do_sample');
  t.strictSame(await own({ do_sample: false }), {});
  t.strictSame(await own({ temperature: null, top_k: -1 }), { topK: 0 });
  t.strictSame(await own(all, 'none'), {});
  t.strictSame(warnings, []);

  const older = { temperature: 1.0, top_k: 50, top_p: 0.9, repetition_penalty: 1, max_new_tokens: 5 };
  t.strictSame(
    await read({ 'config.json': older }),
    { topP: 0.9 },
    'what older files always have is no opinion',
  );
  t.strictSame(await read({ 'config.json': older, 'generation_config.json': { top_k: 50 } }), { topK: 50 });

  await own({ no_repeat_ngram_size: 3, bad_words_ids: [[1]], num_beams: 1, suppress_tokens: [], top_p: 1 });
  t.match(warnings, [/has no_repeat_ngram_size, bad_words_ids, which/]);
  for (const fields of [
    { temperature: -1 },
    { top_p: 2 },
    { top_k: 1.5 },
    { min_p: 'a' },
    { repetition_penalty: 0 },
  ])
    await t.rejects(own(fields), { code: 'invalid_model', message: new RegExp(Object.keys(fields)[0]!) });
});
