/** Where a vision model has fields of the texts that it was pretrained with. */
const PICTURES = ['vit', 'deit', 'swin', 'beit', 'dinov2', 'dinov2_with_registers', 'dinov3_vit'];
const TOWERS_OF_PICTURES = ['clip_vision_model', 'siglip_vision_model'];

/** Fields of config.json that change nothing of what a graph computes, with the reason. */
const HARMLESS: readonly {
  readonly why: string;
  readonly fields: readonly (string | RegExp)[];
  /** The values of `model_type` that this holds for; all by default. */
  readonly of?: readonly string[];
  /** The values that this holds for; all by default. */
  readonly values?: readonly unknown[];
}[] = [
  {
    why: 'only training drops, masks or jitters something',
    fields: [
      /(^|_)(dropout|pdrop|dropout_rate|dropout_prob|layerdrop|drop_path_rate|seq_classif_dropout)$/,
      /^(classifier_dropout|classifier_dropout_prob|attention_probs_dropout_prob|hidden_dropout_prob)$/,
      /_(dropout|pdrop)_prob$/,
      /^summary_(first|last)_dropout$/,
      /^mask_(time|feature)_(prob|length|min_masks)$/,
      /^pos_embed_(jitter|rescale|shift)$/,
      'apply_spec_augment',
      'router_jitter_noise',
      'input_jitter_noise',
      'use_mask_token',
      'mask_ratio',
    ],
  },
  {
    why: 'only training has losses',
    fields: [
      /_loss(_\w+)?$/,
      /_loss_(coef|coefficient|weight)$/,
      /_(ignore_index|aux_loss_alpha)$/,
      'output_router_logits',
      'router_aux_loss_coef',
      'seq_aux',
      'norm_reduction',
      'sparse_prediction',
      'problem_type',
    ],
  },
  {
    why: 'weights are read, not drawn',
    fields: [
      /^(initializer|init)_\w+$/,
      'init_std',
      'initializer_range',
      'embedding_initializer_range',
      'logit_scale_init_value',
      /_init_scheme$/,
    ],
  },
  {
    why: 'zeros at the end of heads change no attention',
    fields: ['pad_head_dim_to_multiple_of'],
    of: ['moonshine'],
  },
  {
    why: 'it says how transformers computes, not what',
    fields: [
      /^_?attn_implementation(_internal|_autoset)?$/,
      /^_?experts_implementation(_internal)?$/,
      /^use_(flash_attn|flash_attention|flash_attention_2|sdpa|cache|memory_efficient_attention|kernels)$/,
      /^output_(hidden_states|attentions|past|scores)$/,
      'use_flash_attn',
      'unpad_inputs',
      'reference_compile',
      'repad_logits_with_grad',
      'deterministic_flash_attn',
      'return_dict',
      'use_return_dict',
      'chunk_size_feed_forward',
      'gradient_checkpointing',
      'pretraining_tp',
      'reorder_and_upcast_attn',
      'torchscript',
      'use_bfloat16',
      'pruned_heads',
      'tf_legacy_loss',
      'cache_implementation',
      'ep_size',
      /^(scale_)?attention_softmax_in_fp32$/,
      'slow_but_exact',
      'use_fused_rms_norm',
      'attention_softmax_in_fp32',
      'scale_attention_softmax_in_fp32',
      'slow_but_exact',
    ],
  },
  {
    why: 'it tells where a folder comes from',
    fields: [
      /^(_?name_or_path|_commit_hash|transformers_version|adapters?|model_name|finetuning_task|task_specific_params)$/,
      /^unsloth_\w+$/,
      /(^|_)version$/,
      'architectures',
      'auto_map',
      'model_type',
      'language',
      'license',
      'custom_pipelines',
      'transformers.js_config',
      'torch_dtype',
      'dtype',
      'base_model_name_or_path',
      '_diffusers_version',
      'tokenizer_class',
      'processor_class',
      'feature_extractor_type',
    ],
  },
  {
    why: 'it is read with the texts that are generated, or with labels, and not by a graph',
    fields: [
      /^((decoder_start|bos|eos|pad|sep|cls|mask|unk|decoder_bos|decoder_eos|forced_bos|forced_eos|suppress|image|boi|eoi)_token_(id|index))$/,
      /^(forced_decoder_ids|suppress_tokens|begin_suppress_tokens|bad_words_ids|force_bos_token_to_be_generated)$/,
      /^(max|min)_(length|new_tokens)$/,
      /^(do_sample|temperature|top_k|top_p|min_p|typical_p|repetition_penalty|length_penalty|early_stopping|num_beams|num_beam_groups|diversity_penalty|no_repeat_ngram_size|encoder_no_repeat_ngram_size|num_return_sequences|remove_invalid_values|exponential_decay_length_penalty|return_dict_in_generate|prefix)$/,
      'id2label',
      'label2id',
      '_num_labels',
      'num_labels',
      'num_classes',
      'sentence_transformers',
      'sbert_ce_default_activation_function',
      'is_encoder_decoder',
      'median_filter_width',
      'alignment_heads',
    ],
  },
  {
    why: 'it is of a head that is not served',
    fields: [
      /^summary_(type|use_proj|activation|proj_to_labels)$/,
      /^(auxiliary_\w+|use_auxiliary_head|pool_scales|segmentation_indices|semantic_\w+|add_fpn|encoder_stride)$/,
      /^(out_features|out_indices|stage_names|reshape_hidden_states|return_class_token|apply_layernorm)$/,
      /^(classifier_proj_size|use_weighted_layer_sum)$/,
      /^(decoder_bias|decoder_sparse_\w+)$/,
      /^(num_nextn_predict_layers|mtp_\w+|num_mtp_\w+)$/,
    ],
  },
  {
    why: 'old files name one thing twice, and the other name is read',
    fields: [/^(text|vision)_config_dict$/, 'share_encoder_decoder_embeddings'],
  },
  {
    why: 'weights that are stored tell which are tied',
    fields: ['tie_word_embeddings', 'tie_encoder_decoder'],
  },
  {
    why: 'it is compared with nothing but other fields',
    fields: ['embedding_size'],
    of: [
      'bert',
      'roberta',
      'xlm-roberta',
      'xlm-roberta-xl',
      'roberta-prelayernorm',
      'camembert',
      'mpnet',
      'ernie',
      'data2vec-text',
      'megatron-bert',
      'esm',
    ],
  },
  {
    why: 'it is what weights begin with before training',
    fields: ['layerscale_value', 'layer_norm_init'],
  },
  {
    why: 'it is of a head that is not served',
    fields: ['pooler_act', 'pooler_output_size', 'vocab_size', 'projection_dim'],
    of: [...PICTURES, ...TOWERS_OF_PICTURES],
  },
  {
    why: 'published folders have it, and transformers does not read it of these families',
    fields: ['layer_norm_eps', 'position_embedding_type'],
    of: ['modernbert'],
  },
  {
    why: 'published folders have it, and transformers does not read it of these families',
    fields: [
      /^(add_bias_logits|add_final_layer_norm|classif_dropout|do_blenderbot_90_layernorm|extra_pos_embeddings)$/,
      /^(extra_layer_norm|layernorm_variant|normalize_(before|embedding)|static_position_embeddings|save_step)$/,
      'num_hidden_layers',
      'encoder_num_layers',
      'n_positions',
      'tokenizer_class',
    ],
    of: [
      'bart',
      'mbart',
      'marian',
      'pegasus',
      'blenderbot',
      'blenderbot-small',
      'm2m_100',
      't5',
      'mt5',
      'umt5',
      'whisper',
    ],
  },
  {
    why: 'published folders have it, and transformers does not read it of these families',
    fields: [/^(activation_function|layer_norm_epsilon|mlp_type|norm_type|scale_attn_weights)$/],
    of: ['starcoder2'],
  },
  {
    why: 'it is of state-space layers, and a folder that has any is refused',
    fields: [/^mamba_\w+$/, 'time_step_limit'],
    of: ['granitemoehybrid'],
  },
  {
    why: 'it is of a folding model, which is_folding_model tells',
    fields: ['esmfold_config', 'vocab_list'],
    of: ['esm'],
  },
  {
    why: 'another field says the same, and that one is read',
    fields: ['n_ctx', 'tie_weights_', '_sliding_window_pattern', 'is_llama_config'],
  },
  {
    why: 'the other name of the activation is read',
    fields: ['hidden_activation', 'hidden_act'],
    of: ['gemma', 'gemma2', 'gemma3_text', 'gemma3n_text', 'gemma4_text', 'gemma4_unified_text'],
  },
  {
    why: 'only training clips by it',
    fields: ['altup_coef_clip', 'gradient_clipping'],
    of: ['gemma3n_text'],
  },
  {
    why: 'published folders have it, and transformers does not read it of these families',
    fields: ['altup_lr_multiplier', 'query_pre_attn_scalar'],
    of: ['gemma3n_text'],
  },
  {
    why: 'it is of experts, and a folder that has any is refused',
    fields: ['num_experts', 'top_k_experts', 'moe_intermediate_size'],
    of: ['gemma4_text'],
  },
  {
    why: 'it is of the encoder of sound, which is not served',
    fields: ['output_proj_dims'],
    of: ['gemma4_text'],
  },
  {
    why: 'it is of training, of how the code of its makers computes, or read with the texts',
    fields: [
      'lora_dropout_p',
      'lora_main_params_trainable',
      'load_trained_adapters',
      'matryoshka_dimensions',
      'emb_pooler',
      'task_instructions',
    ],
    of: ['xlm-roberta'],
  },
  {
    why: 'it is of how weights begin, or how the code of its makers is loaded',
    fields: [/_init_range$/, 'kwargs', 'trust_remote_code', 'flash_attention'],
    of: ['neobert'],
  },
  {
    why: 'it asks for nothing',
    fields: [
      'rope_interleaved',
      'lm_head_bias',
      'mlp_bias',
      'attention_bias',
      'full_attn_mod',
      'interpolate_factor',
    ],
    values: [false, 1],
  },
  {
    why: 'it follows from the sizes of the parts of heads, which are read',
    fields: ['qk_head_dim', 'q_head_dim', 'head_dim'],
    of: ['deepseek_v2', 'deepseek_v3', 'kimi_k2', 'youtu', 'glm4_moe_lite', 'minicpm3', 'mistral4'],
  },
  {
    why: 'it follows from the depths, which are read',
    fields: ['num_layers', 'num_hidden_layers'],
    of: ['swin'],
  },
];

/** Why a field of a family's changes no numbers; undefined where it may. */
export function harmlessField(name: string, modelType: string, value?: unknown): string | undefined {
  return HARMLESS.find(
    ({ fields, of, values }) =>
      (of === undefined || of.includes(modelType)) &&
      (values === undefined || values.includes(value)) &&
      fields.some(field => (typeof field === 'string' ? field === name : field.test(name))),
  )?.why;
}
