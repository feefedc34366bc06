import { existsSync } from 'node:fs';
import path from 'node:path';
import { readSentenceSettings } from '#sentence-settings.js';
import { ModelConfig } from './config.js';

/** How the Transformer module of sentence-transformers reads texts. */
export interface TextSettings {
  readonly task: 'embedding' | 'sequence-classification' | 'fill-mask';
  /** Longest text in tokens, special ones included; undefined: the model's own context. */
  readonly contextLength: number | undefined;
}

/** `transformer_task`, and what the module must give then. */
const TASKS = {
  'feature-extraction': { task: 'embedding', output: 'last_hidden_state' },
  'sequence-classification': { task: 'sequence-classification', output: 'logits' },
  'fill-mask': { task: 'fill-mask', output: 'logits' },
} as const;

/**
 * Arguments for loading that change neither tokens nor numbers, by where they stand; older names of the
 * sections come second.
 */
const HARMLESS: Readonly<Record<string, readonly string[]>> = {
  model_kwargs: ['add_pooling_layer', 'attn_implementation', 'device_map', 'dtype', 'torch_dtype'],
  model_args: ['add_pooling_layer', 'attn_implementation', 'device_map', 'dtype', 'torch_dtype'],
  processor_kwargs: ['padding_side', 'use_fast', 'model_max_length'],
  tokenizer_args: ['padding_side', 'use_fast', 'model_max_length'],
  config_kwargs: [],
  config_args: [],
};

/** Arguments of the tokenizer for each text that change no tokens, beside `max_length`. */
const HARMLESS_FOR_TEXTS = ['padding', 'pad_to_multiple_of', 'return_tensors', 'max_length'];

/**
 * Reads `sentence_bert_config.json` (or its namesakes; `do_lower_case` is the tokenizer's) and the longest text of `tokenizer_config.json`, which
 * counts where the former does not say it.
 *
 * @param folder of the encoder.
 * @param keepsTokens whether lengths of queries and documents are read elsewhere.
 * @throws KvasirError `invalid_model`; `unsupported_model` for a setting that would change tokens or numbers
 * and is not known
 */
export async function readTextSettings(folder: string, keepsTokens = false): Promise<TextSettings> {
  const settings = await readSentenceSettings(folder);
  const written = await tokenizerLength(folder);
  if (settings === undefined) return { task: 'embedding', contextLength: written };
  const config = new ModelConfig(settings.file, settings.fields);
  refuseOthers(config, keepsTokens);
  const name = config.choice(
    'transformer_task',
    Object.keys(TASKS) as (keyof typeof TASKS)[],
    'feature-extraction',
  );
  const { task, output } = TASKS[name];
  requireOutput(config, output);
  return { task, contextLength: ownLength(config) ?? written };
}

/**
 * `model_max_length` of `tokenizer_config.json`, by which sentence-transformers and transformers cut texts;
 * undefined where it is not there, or is one of the numbers that stand for no end.
 *
 * @throws KvasirError `invalid_model`
 */
export async function tokenizerLength(folder: string): Promise<number | undefined> {
  const file = 'tokenizer_config.json';
  if (!existsSync(path.join(folder, file))) return undefined;
  const config = await ModelConfig.read(folder, file);
  // Older files call it by the second name.
  const name = ['model_max_length', 'max_len'].find(field => config.has(field));
  if (name === undefined) return undefined;
  const length = Math.floor(config.positive(name));
  return Number.isSafeInteger(length) && length > 0 ? length : undefined;
}

/** The longest text of the module's own settings, the first that is set of several places. */
function ownLength(config: ModelConfig): number | undefined {
  if (config.has('max_seq_length')) return config.size('max_seq_length');
  const sections = ['processor_kwargs', 'tokenizer_args'].map(name => config.section(name));
  const perText = config.section('processing_kwargs')?.section('text');
  const [loaded] = sections.filter(section => section?.has('model_max_length'));
  if (perText?.has('max_length')) return perText.size('max_length');
  return loaded?.size('model_max_length');
}

function requireOutput(config: ModelConfig, output: string): void {
  const modalities = config.section('modality_config');
  if (modalities === undefined) return;
  const text = modalities.section('text') ?? modalities.unsupported('it takes no plain texts');
  text.choice('method', ['forward'], 'forward');
  text.choice('method_output_name', [output], output);
}

/** Refuses settings that change what is computed. */
function refuseOthers(config: ModelConfig, keepsTokens: boolean): void {
  for (const [name, harmless] of Object.entries(HARMLESS)) {
    const section = config.section(name);
    const other = section?.names.find(key => key !== 'trust_remote_code' && !harmless.includes(key));
    if (other !== undefined)
      section!.unsupported(`${other} is set for loading; Kvasir does not take it over`);
  }
  const perText = config.section('processing_kwargs');
  for (const name of ['common', 'text']) {
    const section = perText?.section(name);
    const other = section?.names.find(key => !HARMLESS_FOR_TEXTS.includes(key));
    if (other !== undefined)
      section!.unsupported(`${other} is set for every text; Kvasir does not take it over`);
  }
  if (keepsTokens) return;
  for (const name of ['query_length', 'document_length', 'query_expansion'])
    if (config.has(name))
      config.unsupported(`${name} is set, of a model that keeps no vectors of tokens (MultiVectorMask)`);
}
