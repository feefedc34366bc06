/**
 * What folders of well-known encoder-decoders say beside their sizes, most of it from years ago, neither
 * stands in the way nor changes a number: fields that transformers no longer reads, defaults left out,
 * settings of texts in config.json, tensors stored twice or for nothing.
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { readGenerationDefaults } from '#model/generation-defaults.js';
import { relativeError } from '#test/support/check-decoder.js';
import { encode, openSeq2Seq } from '#test/support/check-seq2seq.js';
import { copySeq2SeqFixture, type FixtureChanges } from '#test/support/changed-seq2seq.js';
import { prefill } from '#test/support/run-decoder.js';
import type { TestTensors } from '#test/support/safetensors.js';
import { readSeq2SeqFixture } from '#test/support/seq2seq-fixtures.js';

/** What newer versions write and these folders lack. */
const ABSENT = { dtype: undefined, is_decoder: undefined, tie_word_embeddings: undefined };

const EXPORTED_FROM_FAIRSEQ = {
  ...ABSENT,
  _num_labels: 3,
  classif_dropout: 0,
  classifier_dropout: 0,
  gradient_checkpointing: false,
  init_std: 0.02,
  num_hidden_layers: 1,
  output_past: true,
  torch_dtype: 'float32',
  use_cache: true,
};

interface Published extends FixtureChanges {
  /** A tiny model of the same family. */
  readonly fixture: string;
  readonly defaults: object;
}

const twice =
  (from: string, ...names: readonly string[]) =>
  (tensors: TestTensors): TestTensors => ({
    ...tensors,
    ...Object.fromEntries(names.map(name => [name, tensors[from]!])),
  });

const T5_NAMES = ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'];
const BART_NAMES = [
  'model.encoder.embed_tokens.weight',
  'model.decoder.embed_tokens.weight',
  'lm_head.weight',
];

const PUBLISHED: Readonly<Record<string, Published>> = {
  'bart-large-cnn': {
    fixture: 'bart',
    fields: {
      ...EXPORTED_FROM_FAIRSEQ,
      add_bias_logits: false,
      add_final_layer_norm: false,
      early_stopping: true,
      force_bos_token_to_be_generated: true,
      forced_bos_token_id: 0,
      forced_eos_token_id: 2,
      length_penalty: 2.0,
      max_length: 142,
      min_length: 56,
      no_repeat_ngram_size: 3,
      normalize_before: false,
      normalize_embedding: true,
      num_beams: 4,
      prefix: ' ',
      replacing_rate: 0,
      static_position_embeddings: false,
      student_decoder_layers: null,
      student_encoder_layers: null,
      task_specific_params: { summarization: { length_penalty: 2, max_length: 142, num_beams: 4 } },
    },
    tensors: twice('model.shared.weight', ...BART_NAMES),
    defaults: {
      startIds: [2],
      maxTokens: 141,
      minTokens: 55,
      sampling: { noRepeatNgram: 3, forcedFirstId: 0, forcedLastIds: [2] },
      beams: { width: 4, lengthPenalty: 2, earlyStopping: true },
    },
  },
  'opus-mt-en-de': {
    fixture: 'marian',
    fields: {
      ...EXPORTED_FROM_FAIRSEQ,
      add_bias_logits: false,
      add_final_layer_norm: false,
      architectures: ['MarianMTModel'],
      bad_words_ids: [[42]],
      bos_token_id: 0,
      max_length: 512,
      normalize_before: false,
      normalize_embedding: false,
      num_beams: 6,
      static_position_embeddings: true,
    },
    tensors: twice('model.shared.weight', ...BART_NAMES),
    defaults: {
      startIds: [42],
      maxTokens: 511,
      sampling: { bannedSequences: [[42]], forcedLastIds: [0] },
      beams: { width: 6, lengthPenalty: 1, earlyStopping: false },
    },
  },
  'pegasus-xsum': {
    fixture: 'pegasus',
    fields: {
      ...EXPORTED_FROM_FAIRSEQ,
      add_bias_logits: false,
      add_final_layer_norm: true,
      bos_token_id: 0,
      extra_pos_embeddings: 1,
      force_bos_token_to_be_generated: false,
      length_penalty: 0.6,
      max_length: 64,
      normalize_before: true,
      normalize_embedding: false,
      num_beams: 8,
      static_position_embeddings: true,
      task_specific_params: { summarization_xsum: { length_penalty: 0.6, max_length: 64 } },
    },
    defaults: {
      startIds: [0],
      maxTokens: 63,
      sampling: { forcedLastIds: [1] },
      beams: { width: 8, lengthPenalty: 0.6 },
    },
  },
  'mbart-large-50-many-to-many-mmt': {
    fixture: 'mbart',
    fields: {
      ...EXPORTED_FROM_FAIRSEQ,
      add_bias_logits: false,
      add_final_layer_norm: true,
      decoder_start_token_id: 2,
      early_stopping: true,
      forced_eos_token_id: 2,
      gradient_checkpointing: false,
      max_length: 200,
      normalize_before: true,
      normalize_embedding: true,
      num_beams: 5,
      static_position_embeddings: false,
      tokenizer_class: 'MBart50Tokenizer',
    },
    defaults: {
      startIds: [2],
      maxTokens: 199,
      sampling: { forcedLastIds: [2] },
      beams: { width: 5, earlyStopping: true },
    },
  },
  'nllb-200-distilled-600M': {
    fixture: 'm2m_100',
    fields: {
      ...EXPORTED_FROM_FAIRSEQ,
      max_length: 200,
      num_hidden_layers: 1,
      tokenizer_class: 'NllbTokenizer',
    },
    tensors: twice('model.shared.weight', ...BART_NAMES),
    defaults: { startIds: [2], maxTokens: 199, beams: { width: 1 } },
  },
  't5-small': {
    fixture: 't5',
    fields: {
      ...ABSENT,
      classifier_dropout: undefined,
      dense_act_fn: undefined,
      feed_forward_proj: undefined,
      initializer_factor: 1,
      is_gated_act: undefined,
      num_decoder_layers: undefined,
      output_past: true,
      relative_attention_max_distance: undefined,
      scale_decoder_outputs: undefined,
      task_specific_params: { summarization: { num_beams: 4, prefix: 'summarize: ' } },
    },
    tensors: tensors => ({
      ...twice('shared.weight', ...T5_NAMES, 'lm_head.weight')(tensors),
      // The first checkpoints have one that nothing reads.
      'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight':
        tensors['decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight']!,
    }),
    defaults: { startIds: [0], beams: { width: 1 } },
  },
  'flan-t5-small': {
    fixture: 't5-gated',
    fields: {
      dtype: undefined,
      torch_dtype: 'float32',
      dense_act_fn: 'gelu_new',
      is_gated_act: true,
      output_past: true,
      task_specific_params: { summarization: { num_beams: 4, prefix: 'summarize: ' } },
    },
    tensors: twice('shared.weight', ...T5_NAMES),
    defaults: { startIds: [0], beams: { width: 1 } },
  },
  'mt5-small': {
    fixture: 'mt5',
    fields: {
      ...ABSENT,
      architectures: ['MT5ForConditionalGeneration'],
      dense_act_fn: undefined,
      is_gated_act: undefined,
      tie_word_embeddings: false,
      tokenizer_class: 'T5Tokenizer',
    },
    tensors: twice('shared.weight', ...T5_NAMES),
    defaults: { startIds: [0], beams: { width: 1 } },
  },
};

async function publishedFolder(t: Test, { fixture, fields = {}, tensors }: Published): Promise<string> {
  const folder = await copySeq2SeqFixture(t, fixture, { fields, ...(tensors && { tensors }) });
  await rm(path.join(folder, 'generation_config.json'));
  return folder;
}

for (const [name, published] of Object.entries(PUBLISHED))
  t.test(`a folder as ${name} is`, async t => {
    const folder = await publishedFolder(t, published);
    t.match(await readGenerationDefaults(folder), published.defaults, 'its settings of texts');
    const decoder = await openSeq2Seq(t, folder);
    for (const { source, target, logits } of (await readSeq2SeqFixture(published.fixture)).runs) {
      await encode(decoder, [{ slot: 0, ids: source }]);
      const width = decoder.shape.vocabularySize;
      const wanted = target.map((_, i) => [...logits.subarray(i * width, (i + 1) * width)]);
      const error = relativeError(await prefill(decoder, 0, target, 0, 'all'), wanted);
      t.ok(error < 1e-4, `its numbers: ${error.toExponential(1)}`);
    }
  });
