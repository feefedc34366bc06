import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { readGenerationDefaults, type GenerationDefaults } from '#model/generation-defaults.js';

type Fields = Readonly<Record<string, unknown>>;

const START = { decoder_start_token_id: 2 };

async function read(config: Fields, generation: Fields | undefined = config): Promise<GenerationDefaults> {
  const folder = t.testdir();
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
  if (generation !== undefined)
    await writeFile(path.join(folder, 'generation_config.json'), JSON.stringify(generation));
  return readGenerationDefaults(folder);
}

async function readAlone(config: Fields): Promise<GenerationDefaults> {
  const folder = t.testdir();
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
  return readGenerationDefaults(folder);
}

t.test('a folder that says nothing is greedy, without beams', async t => {
  t.strictSame(await read(START), {
    startIds: [2],
    maxTokens: undefined,
    minTokens: 0,
    sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 },
    beams: { width: 1, lengthPenalty: 1, earlyStopping: false, results: 1 },
  });
});

t.test('what published folders say', async t => {
  t.match(
    await read(START, {
      bos_token_id: 0,
      decoder_start_token_id: 2,
      early_stopping: true,
      eos_token_id: 2,
      forced_bos_token_id: 0,
      forced_eos_token_id: 2,
      length_penalty: 2,
      max_length: 142,
      min_length: 56,
      no_repeat_ngram_size: 3,
      num_beams: 4,
    }),
    {
      startIds: [2],
      maxTokens: 141,
      minTokens: 55,
      sampling: { forcedFirstId: 0, forcedLastIds: [2], noRepeatNgram: 3 },
      beams: { width: 4, lengthPenalty: 2, earlyStopping: true, results: 1 },
    },
    'BART for summaries',
  );
  t.match(
    await read(START, {
      bad_words_ids: [[58100], [0], [0, 5]],
      decoder_start_token_id: 58100,
      eos_token_id: 0,
      forced_eos_token_id: 0,
      max_length: 512,
      num_beams: 6,
      renormalize_logits: true,
    }),
    {
      startIds: [58100],
      maxTokens: 511,
      sampling: { bannedSequences: [[58100], [0, 5]], forcedLastIds: [0], normalizesScores: true },
      beams: { width: 6 },
    },
    'Marian, whose end is not banned',
  );
});

t.test('every field has its place', async t => {
  const defaults = await read(START, {
    ...START,
    max_new_tokens: 7,
    max_length: 100,
    min_new_tokens: 3,
    min_length: 50,
    do_sample: true,
    temperature: 0.5,
    top_k: 9,
    top_p: 0.8,
    min_p: 0.1,
    repetition_penalty: 1.5,
    encoder_repetition_penalty: 2,
    no_repeat_ngram_size: 1,
    encoder_no_repeat_ngram_size: 4,
    suppress_tokens: [4, 5],
    begin_suppress_tokens: [6],
    forced_eos_token_id: [7, 8],
    length_penalty: -1,
    early_stopping: 'never',
  });
  t.strictSame(defaults, {
    startIds: [2],
    maxTokens: 7,
    minTokens: 3,
    sampling: {
      temperature: 0.5,
      topK: 9,
      topP: 0.8,
      minP: 0.1,
      repetitionPenalty: 1.5,
      sourceRepetitionPenalty: 2,
      noRepeatNgram: 1,
      sourceNoRepeatNgram: 4,
      forcedLastIds: [7, 8],
      suppressedIds: [4, 5],
      suppressedFirstIds: [6],
    },
    beams: { width: 1, lengthPenalty: -1, earlyStopping: 'never', results: 1 },
  });
  const drawn = await read(START, { ...START, do_sample: true });
  t.match(
    drawn.sampling,
    { temperature: 1, topK: 50, topP: 1 },
    "transformers' defaults where tokens are drawn",
  );
  const several = await read(START, { ...START, num_beams: 4, num_return_sequences: 3 });
  t.equal(several.beams.results, 3);
});

t.test('config.json counts only where there is no generation_config.json', async t => {
  const config = { bos_token_id: 1, num_beams: 3, force_bos_token_to_be_generated: true };
  const old = await read(config, undefined);
  t.match(old, { startIds: [1], sampling: { forcedFirstId: 1 }, beams: { width: 3 } });
  const both = await read({ ...config, ...START }, { max_length: 5 });
  t.match(both, { startIds: [2], maxTokens: 4, beams: { width: 1 } });
  t.notOk('forcedFirstId' in both.sampling);
});

const REFUSED: Readonly<Record<string, unknown>> = {
  num_beam_groups: 2,
  diversity_penalty: 0.5,
  constraints: [{}],
  force_words_ids: [[1]],
  sequence_bias: [[[1], 2]],
  exponential_decay_length_penalty: [3, 1.5],
  guidance_scale: 1.5,
  watermarking_config: {},
  penalty_alpha: 0.6,
  dola_layers: 'low',
  token_healing: true,
  stop_strings: ['.'],
  max_time: 3,
};
const REFUSED_WHEN_DRAWN = { typical_p: 0.5, epsilon_cutoff: 0.1, eta_cutoff: 0.1, top_h: 0.4 };

t.test('a config.json leaves out what equals its class, where there is nothing else', async t => {
  const saved = (model_type: string, fields: Fields = {}) => readAlone({ model_type, ...fields });
  t.match(await saved('marian'), { startIds: [58_100], sampling: { forcedLastIds: [0] } });
  t.match(await saved('marian', { forced_eos_token_id: 7 }), { sampling: { forcedLastIds: [7] } });
  t.match(await saved('blenderbot'), { startIds: [1], sampling: { sourceNoRepeatNgram: 3 } });
  await t.rejects(saved('t5'), { message: /decoder_start_token_id|bos_token_id/ });
  const { sampling } = await read({ model_type: 'bart' }, START);
  t.notOk(sampling.forcedLastIds, 'a generation_config.json says all');
});

t.test('what would change the text and is not done is refused by its name', async t => {
  const refused = async (field: string, fields: Fields): Promise<void> => {
    const error = { code: 'unsupported_model', message: new RegExp(field) };
    await t.rejects(read(START, { ...START, ...fields }), error, field);
  };
  for (const [field, value] of Object.entries(REFUSED)) await refused(field, { [field]: value });
  for (const [field, value] of Object.entries(REFUSED_WHEN_DRAWN)) {
    await refused(field, { [field]: value, do_sample: true });
    await read(START, { ...START, [field]: value });
  }
  await refused('do_sample', { do_sample: true, num_beams: 2 });
});

t.test('values that are as good as none are taken', async t => {
  const fields = { num_beam_groups: 1, diversity_penalty: 0, guidance_scale: 1, token_healing: false };
  const off = Object.fromEntries(
    [...Object.keys(REFUSED), 'num_beams', 'max_length'].map(name => [name, null]),
  );
  t.strictSame(await read(START, { ...off, ...START, ...fields }), await read(START));
});

t.test('values of the wrong type or range are refused', async t => {
  for (const fields of [
    { decoder_start_token_id: [1, 2] },
    { decoder_start_token_id: -1 },
    { decoder_start_token_id: null },
    { num_beams: 0 },
    { num_beams: 2, num_return_sequences: 3 },
    { early_stopping: 'soon' },
    { length_penalty: 'long' },
    { bad_words_ids: [5] },
    { bad_words_ids: [[]] },
    { forced_bos_token_id: [1, 2] },
    { suppress_tokens: [0.5] },
    { max_length: -1 },
    { repetition_penalty: 0 },
    { do_sample: true, top_p: 2 },
  ])
    await t.rejects(read({}, { ...START, ...fields }), { code: 'invalid_model' }, JSON.stringify(fields));
});

/** Of transformers 5.24's `GenerationConfig`: they change nothing of a text, or are read elsewhere. */
const HARMLESS = [
  'assistant_confidence_threshold assistant_early_exit assistant_ensemble_weight assistant_lookbehind',
  'is_assistant max_matching_ngram_size num_assistant_tokens num_assistant_tokens_schedule',
  'prompt_lookup_num_tokens speculation_type target_lookbehind use_mtp',
  'cache_config cache_implementation compile_config continuous_batching_config disable_compile low_memory',
  'max_cache_len prefill_chunk_size use_cache',
  'output_attentions output_hidden_states output_logits output_scores return_dict_in_generate',
  'pad_token_id remove_invalid_values transformers_version',
]
  .join(' ')
  .split(' ');

t.test('fields without an effect on the text are no obstacle', async t => {
  const fields = Object.fromEntries(HARMLESS.map(name => [name, 'anything']));
  t.strictSame(await read(START, { ...START, ...fields }), await read(START));
});
