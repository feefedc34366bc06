import type { ModelConfig } from '../config.js';

/** A field of config.json that changes what transformers computes, and that no graph is written for. */
interface Unwritten {
  readonly field: string;
  /** With these values, or where it is absent, null or empty, it changes nothing. */
  readonly neutral?: readonly unknown[];
  /** Another field whose value is as good as {@link neutral}. */
  readonly sameAs?: string;
  /** The values of `model_type` that it is refused for; all by default. */
  readonly of?: readonly string[];
  /** The values of `model_type` whose graphs read it. */
  readonly notOf?: readonly string[];
}

export const UNWRITTEN: readonly Unwritten[] = [
  { field: 'add_cross_attention', neutral: [false] },
  { field: 'per_layer_config', notOf: ['gemma4_text', 'gemma4_unified_text'] },
  // Only some of transformers' ways to attend read it.
  { field: 'sliding_window', of: ['olmoe'] },
  { field: 'is_decoder', neutral: [false], of: ['t5', 'mt5', 'umt5'] },
  { field: 'sliding_window', of: ['olmoe'] },
  { field: 'num_local_experts', sameAs: 'num_experts', of: ['olmoe'] },
  { field: 'n_embed', sameAs: 'hidden_size', of: ['falcon'] },
  // transformers reads the other names of these fields as well, and they win.
  { field: 'hidden_size', sameAs: 'n_embd', of: ['gpt2'] },
  { field: 'num_attention_heads', sameAs: 'n_head', of: ['gpt2'] },
  { field: 'num_hidden_layers', sameAs: 'n_layer', of: ['gpt2'] },
  { field: 'max_position_embeddings', sameAs: 'n_positions', of: ['gpt2'] },
  { field: 'hidden_size', sameAs: 'dim', of: ['distilbert'] },
  { field: 'num_attention_heads', sameAs: 'n_heads', of: ['distilbert'] },
  { field: 'num_hidden_layers', sameAs: 'n_layers', of: ['distilbert'] },
  // Of published folders; transformers reads none of these, and has what most of them ask for.
  { field: 'norm_topk_prob', neutral: [false], of: ['deepseek_v2'] },
  { field: 'scoring_func', neutral: ['softmax'], of: ['deepseek_v2'] },
  {
    field: 'scoring_func',
    neutral: ['sigmoid'],
    of: ['deepseek_v3', 'kimi_k2', 'glm4_moe', 'glm4_moe_lite'],
  },
  {
    field: 'topk_method',
    neutral: ['noaux_tc'],
    of: ['deepseek_v3', 'kimi_k2', 'glm4_moe', 'glm4_moe_lite'],
  },
  { field: 'moe_layer_freq', neutral: [1], of: ['deepseek_v2', 'deepseek_v3', 'kimi_k2', 'glm4_moe_lite'] },
  { field: 'first_k_dense_replace', neutral: [1], of: ['glm4_moe_lite'] },
];

/**
 * Refuses what config.json asks for and no graph is written for.
 *
 * @throws KvasirError `unsupported_model`, naming the field
 */
export function refuseUnwritten(config: ModelConfig): void {
  const type = config.string('model_type', '');
  for (const { field, neutral = [], sameAs, of, notOf = [] } of UNWRITTEN) {
    if (!config.has(field) || (of !== undefined && !of.includes(type)) || notOf.includes(type)) continue;
    const value = config.value(field);
    if (neutral.includes(value) || isEmpty(value)) continue;
    if (sameAs !== undefined && config.value(sameAs) === value) continue;
    const other = sameAs === undefined ? '' : ` and ${sameAs} is ${JSON.stringify(config.value(sameAs))}`;
    config.unsupported(`${field} is ${JSON.stringify(value)}${other}, which no graph is written for`);
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
