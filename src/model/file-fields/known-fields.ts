/** Fields of a file, and why nobody need be told of them. */
export interface KnownFields {
  /** {@link READ}, or why they change no results. */
  readonly why: string;
  readonly fields: readonly (string | RegExp)[];
  /** The values that this holds for; all by default. Null and empty lists and objects are as good as absent. */
  readonly values?: readonly unknown[];
}

/** They are read, or refused, or warned of by whoever reads the file. */
export const READ = 'it is read';

/** tokenizer_config.json. */
const TOKENIZER: readonly KnownFields[] = [
  {
    why: READ,
    fields: [
      /_token(_\d+)?$/,
      'tokenizer_class',
      'added_tokens_decoder',
      'additional_special_tokens',
      'extra_special_tokens',
      'model_specific_special_tokens',
      'chat_template',
      'model_max_length',
      'max_len',
      'model_input_names',
      'add_prefix_space',
      'do_lower_case',
      'strip_accents',
      'tokenize_chinese_chars',
      'remove_space',
      'do_lowercase_and_remove_accent',
      'separate_vocabs',
      'source_lang',
      'target_lang',
      'src_lang',
      'tgt_lang',
      'language_codes',
      'legacy',
      'legacy_behaviour',
      'offset',
      'extra_ids',
      'mask_token_sent',
      'sp_model_kwargs',
    ],
  },
  {
    why: 'texts are cut and padded by what the model and a request say',
    fields: [
      'padding_side',
      'padding',
      'truncation',
      'truncation_strategy',
      'max_length',
      'stride',
      'pad_to_multiple_of',
      'pad_token_type_id',
      'pad_token_label',
      'return_tensors',
      'return_token_type_ids',
      'return_attention_mask',
    ],
  },
  { why: 'texts are cut at that end', fields: ['truncation_side'], values: ['right'] },
  {
    why: 'it tells where a folder comes from, or which code of the library reads it',
    fields: [
      /^_?name_or_path$/,
      /_(file|spm)$/,
      /(^|_)version$/,
      '_commit_hash',
      'auto_map',
      'backend',
      'device_map',
      'files_loaded',
      'from_slow',
      'is_local',
      'local_files_only',
      'processor_class',
      'revision',
      'tokenizer_type',
      'torch_dtype',
      'dtype',
      'trust_remote_code',
      'unk_id',
      'use_fast',
      'verbose',
      'vocab_size',
      'mistral_format',
    ],
  },
  {
    why: 'tokens become the text that they stand for, and none of its spaces is taken away',
    fields: [
      /^clean_up_tokenization_spaces(_\w+)?$/,
      'spaces_between_special_tokens',
      'errors',
      'trim_offsets',
      'skip_special_tokens',
    ],
  },
  {
    why: 'tokenizer.json has what becomes of it',
    fields: [
      'add_dummy_prefix_space',
      'keep_accents',
      'num_madeup_words',
      'lang_codes',
      'lang2id',
      'id2lang',
      'langs',
      'vocab',
      'merges',
      'max_input_chars_per_word',
      'phonemize',
      'do_phonemize',
      'phonemizer_lang',
      'phonemizer_backend',
    ],
  },
  {
    why: 'it asks for nothing that tokenizers do not do anyway',
    fields: ['do_basic_tokenize', 'do_subword_tokenize', 'clean_text', 'do_clean_text'],
    values: [true],
  },
  {
    why: 'it asks for nothing',
    fields: ['split_special_tokens', 'fix_mistral_regex', 'split_by_punct', 'do_split_on_punc'],
    values: [false],
  },
  { why: 'it is as all of them have it', fields: ['wordpieces_prefix'], values: ['##'] },
  {
    why: 'requests say what a speech model is to do',
    fields: ['language', 'task', 'predict_timestamps'],
  },
  {
    why: 'answers are read by the template that writes them',
    fields: [
      /^response_(schema|template)$/,
      'chat_control_tokens',
      'tool_use_template',
      'grounded_generation_template',
      'use_default_system_prompt',
    ],
  },
];

/** generation_config.json. */
const GENERATION: readonly KnownFields[] = [
  {
    why: READ,
    fields: [
      /^(bos|eos|pad|decoder_start|forced_bos|forced_eos)_token_id$/,
      /^(max|min)_(new_tokens|length)$/,
      /^(top_[kph]|min_p|typical_p|temperature|do_sample|(epsilon|eta)_cutoff)$/,
      /^(encoder_)?(repetition_penalty|no_repeat_ngram_size)$/,
      /^(num_beams|num_beam_groups|diversity_penalty|length_penalty|early_stopping|num_return_sequences)$/,
      /^(begin_)?suppress_tokens$/,
      'force_bos_token_to_be_generated',
      'renormalize_logits',
      'bad_words_ids',
      'force_words_ids',
      'constraints',
      'sequence_bias',
      'exponential_decay_length_penalty',
      'guidance_scale',
      'watermarking_config',
      'penalty_alpha',
      'dola_layers',
      'token_healing',
      'stop_strings',
      'alignment_heads',
      'is_multilingual',
    ],
  },
  {
    why: 'requests say what a speech model is to do, and its tokens follow from their names',
    fields: [
      /^(lang|task)_to_id$/,
      'language',
      'task',
      'forced_decoder_ids',
      'return_timestamps',
      'max_initial_timestamp_index',
      'no_timestamps_token_id',
      'prev_sot_token_id',
      'median_filter_width',
      'hop_length',
    ],
  },
  {
    why: 'it says how transformers computes and what it gives back',
    fields: [
      /^output_(hidden_states|attentions|logits|scores)$/,
      /^(assistant|num_assistant)_\w+$/,
      /^(cache|compile|continuous_batching)_\w+$/,
      /^_?from_model_config$/,
      'attn_implementation',
      'disable_compile',
      'is_assistant',
      'low_memory',
      'max_cache_len',
      'max_matching_ngram_size',
      'prefill_chunk_size',
      'prompt_lookup_num_tokens',
      'remove_invalid_values',
      'return_dict_in_generate',
      'speculation_type',
      'target_lookbehind',
      'use_cache',
      'use_mtp',
    ],
  },
  {
    why: 'limits of time are those of the server',
    fields: ['max_time'],
  },
  {
    why: 'it tells where a folder comes from',
    fields: [/(^|_)version$/, '_name_or_path', 'trust_remote_code', 'chat_format', 'max_window_size'],
  },
];

const OF_SENTENCES: readonly KnownFields[] = [
  {
    why: READ,
    fields: [
      'model_type',
      'prompts',
      'default_prompt_name',
      'similarity_fn_name',
      'truncate_dim',
      'max_active_dims',
      'activation_fn',
      // Of PyLate.
      'query_prefix',
      'document_prefix',
      'query_length',
      'document_length',
      'do_query_expansion',
      'attend_to_expansion_tokens',
      'skiplist_words',
    ],
  },
  {
    why: 'it tells where a folder comes from, and how it was computed',
    fields: ['__version__', 'requirements', 'keep_in_fp32_modules'],
  },
];

const TRANSFORMER: readonly KnownFields[] = [
  {
    why: READ,
    fields: [
      /^(model|processor|config)_kwargs$/,
      /^(model|tokenizer|config)_args$/,
      'max_seq_length',
      'do_lower_case',
      'transformer_task',
      'modality_config',
      'processing_kwargs',
      'query_length',
      'document_length',
      'query_expansion',
    ],
  },
  { why: 'modules stand in the order in which they read each other', fields: ['module_output_name'] },
  {
    why: 'it says how it is computed, not what',
    fields: ['unpad_inputs', 'backend', 'model_name_or_path', 'cache_dir'],
  },
];

const WIDTH: KnownFields = {
  why: 'widths are those of the model',
  fields: ['word_embedding_dimension', 'embedding_dimension'],
};

/** Modules of sentence-transformers by the last part of their classes' names. */
const MODULES: Readonly<Record<string, readonly KnownFields[]>> = {
  Pooling: [
    {
      why: READ,
      fields: [
        'pooling_mode',
        'include_prompt',
        /^pooling_mode_(cls|max|mean|mean_sqrt_len|weightedmean|last)_?tokens?$/,
      ],
    },
    WIDTH,
  ],
  Dense: [
    {
      why: READ,
      fields: [
        'in_features',
        'out_features',
        'bias',
        'activation_function',
        'module_input_name',
        'module_output_name',
        'use_residual',
      ],
    },
  ],
  LayerNorm: [{ why: READ, fields: ['dimension'] }],
  Normalize: [{ why: READ, fields: ['module_input_name', 'module_output_name'] }],
  LogitScore: [{ why: READ, fields: ['true_token_id', 'false_token_id', 'module_input_name'] }],
  SpladePooling: [
    { why: READ, fields: ['pooling_strategy', 'activation_function'] },
    WIDTH,
    { why: 'it says how much is computed at once', fields: ['chunk_size'] },
  ],
  MultiVectorMask: [{ why: READ, fields: ['skiplist_words', 'skiplist_tasks', 'keep_only_token_ids'] }],
};

/** The features of a speech model, in preprocessor_config.json or a section of processor_config.json. */
const SOUND: readonly KnownFields[] = [
  {
    why: READ,
    fields: [
      'feature_extractor_type',
      'feature_size',
      'sampling_rate',
      'hop_length',
      'n_fft',
      'chunk_length',
      'n_samples',
      'nb_max_frames',
      'padding_value',
      'dither',
      'do_normalize',
      'mel_filters',
    ],
  },
  {
    why: 'a recording is cut into whole windows',
    fields: [
      'padding_side',
      'padding',
      'truncation',
      'max_length',
      'return_attention_mask',
      'return_tensors',
    ],
  },
  { why: 'it tells where a folder comes from', fields: ['processor_class', /(^|_)version$/] },
];

/** What is known of the fields of files beside config.json. */
export const KNOWN_FIELDS = {
  tokenizer: TOKENIZER,
  generation: GENERATION,
  sentences: OF_SENTENCES,
  transformer: TRANSFORMER,
  modules: MODULES,
  sound: SOUND,
} as const;

/** Why nobody need be told of a field; undefined where it may matter. */
export function knownField(known: readonly KnownFields[], name: string, value?: unknown): string | undefined {
  return known.find(
    ({ fields, values }) =>
      (values === undefined || values.includes(value)) &&
      fields.some(field => (typeof field === 'string' ? field === name : field.test(name))),
  )?.why;
}

/** The names of fields of which nothing is known, and that say something. */
export function unknownFields(
  known: readonly KnownFields[],
  fields: Readonly<Record<string, unknown>>,
): readonly string[] {
  return Object.entries(fields)
    .filter(([name, value]) => !isEmpty(value) && knownField(known, name, value) === undefined)
    .map(([name]) => name);
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}
