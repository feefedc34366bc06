import { TRANSFORMERS_FIELDS } from '../config-fields/transformers-fields.js';
import { ModelConfig } from '../config.js';
import type { ModelWeights } from '../weights/model-weights.js';

/** Models of pictures and texts whose texts are those of a decoder alone, with what their text part is by default. */
const WHOLES: Readonly<Record<string, string>> = {
  gemma3: 'gemma3_text',
  kimi_k25: 'deepseek_v3',
  gemma3n: 'gemma3n_text',
  gemma4: 'gemma4_text',
  gemma4_unified: 'gemma4_unified_text',
  mistral3: 'mistral',
  llava: 'llama',
  llava_next: 'llama',
  llava_onevision: 'qwen2',
  idefics3: 'llama',
  smolvlm: 'llama',
  internvl: 'qwen2',
  qwen2_vl: 'qwen2_vl_text',
  qwen2_5_vl: 'qwen2_5_vl_text',
  qwen3_vl: 'qwen3_vl_text',
};

/** Their `model_type`s. */
export const WHOLE_TYPES: readonly string[] = Object.keys(WHOLES);

/**
 * Text parts that are a known family by another name, or where all that sets them apart are positions in a picture:
 * the three parts of a position are one number in texts.
 */
const SAME: Readonly<Record<string, string>> = {
  qwen2_vl_text: 'qwen2',
  qwen2_5_vl_text: 'qwen2',
  qwen3_vl_text: 'qwen3',
  kimi_k2: 'deepseek_v3',
};

/**
 * Families that may be text parts. Of those that change logits only Gemma 3n and 4 are among them: of others
 * transformers does not do so for a whole, and vLLM does.
 */
const TEXTS = [
  'llama',
  'mistral',
  'ministral',
  'ministral3',
  'mistral4',
  'deepseek_v3',
  'qwen2',
  'qwen3',
  'gemma3_text',
  'gemma3n_text',
  'gemma4_text',
  'gemma4_unified_text',
  'phi3',
  'smollm3',
];

/** Fields of a whole that older files have beside those of its text part. */
const OF_PICTURES = /^(vision_config|vision_(start|end)?_?token_id|(image|video)_token_id)$/;

/**
 * The text part of a model of pictures and texts, as a configuration of its own: `text_config`, or, in older files,
 * the fields beside `vision_config`, with the defaults of its own class; undefined for any other model.
 *
 * @throws KvasirError `invalid_model`; `unsupported_model` where the text part is of no family that can be one
 */
export function textPart(config: ModelConfig): ModelConfig | undefined {
  const type = config.string('model_type', '');
  const usual = WHOLES[type];
  if (usual === undefined) return undefined;
  const nested = config.section('text_config');
  const source = nested ?? config;
  const named = nested?.string('model_type', usual) ?? usual;
  const own = SAME[named] ?? named;
  if (!TEXTS.includes(own))
    config.unsupported(`the text part of a ${type} is a ${named}; known: ${TEXTS.join(', ')}`);
  const names = source.names.filter(name => nested !== undefined || !OF_PICTURES.test(name));
  const fields = Object.fromEntries(names.map(name => [name, source.value(name)]));
  // The whole's weights are tied or not; its text part may say what it was before.
  delete fields.tie_word_embeddings;
  return new ModelConfig(`the text part of ${config.file}`, {
    ...classDefaults(own),
    ...fields,
    ...Object.fromEntries(
      ['tie_word_embeddings', 'architectures']
        .filter(name => config.has(name))
        .map(name => [name, config.value(name)]),
    ),
    ...plainPositions(source),
    model_type: own,
  });
}

/** Fields that a file may leave out of its text part. */
function classDefaults(type: string): Readonly<Record<string, unknown>> {
  const all = Object.entries(TRANSFORMERS_FIELDS[type]?.reads ?? {});
  return Object.fromEntries(all.filter(([name, value]) => value !== null && name !== 'tie_word_embeddings'));
}

/** Rotary positions in three parts are the usual ones where the parts are equal. */
function plainPositions(source: ModelConfig): Readonly<Record<string, unknown>> {
  const name = ['rope_parameters', 'rope_scaling'].find(field => source.has(field));
  const section = name === undefined ? undefined : source.section(name);
  if (name === undefined || section === undefined) return {};
  const isSplit = ['type', 'rope_type'].some(field => section.has(field) && section.value(field) === 'mrope');
  const others = Object.fromEntries(
    section.names.filter(field => !/^mrope_/.test(field)).map(field => [field, section.value(field)]),
  );
  return { [name]: isSplit ? { ...others, type: 'default', rope_type: 'default' } : others };
}

/** How a whole's checkpoint names its text part: transformers' order of the words today, and older ones. */
const BODIES = ['model.language_model.', 'language_model.model.', 'model.text_model.'];

/** Tells what a decoder's weights are called in a whole's checkpoint. */
export function textNames(weights: ModelWeights): (name: string) => string {
  const body = BODIES.find(prefix => weights.has(`${prefix}embed_tokens.weight`)) ?? 'model.';
  const head = weights.has('language_model.lm_head.weight') ? 'language_model.lm_head.' : 'lm_head.';
  return name => name.replace(/^model\./, body).replace(/^lm_head\./, head);
}
