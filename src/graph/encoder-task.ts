import type { ModelConfig } from './config.js';

/** The task of an encoder's head. */
export type EncoderTask =
  | 'embedding'
  | 'token-embedding'
  | 'sequence-classification'
  | 'token-classification'
  | 'fill-mask'
  | 'question-answering';

/** Endings of the names in `architectures` of config.json, by task. */
const HEADS: readonly (readonly [suffix: string, task: EncoderTask])[] = [
  ['ForSequenceClassification', 'sequence-classification'],
  ['ForTokenClassification', 'token-classification'],
  ['ForQuestionAnswering', 'question-answering'],
  ['ForMaskedLM', 'fill-mask'],
  ['ForPreTraining', 'fill-mask'],
  ['Model', 'embedding'],
  ['HF_ColBERT', 'token-embedding'],
  ['NeoBERT', 'embedding'],
  ['NeoBERTLMHead', 'fill-mask'],
  // What the code of jina-embeddings-v3 calls its body with adapters.
  ['XLMRobertaLoRA', 'embedding'],
];

/**
 * The task that config.json names in `architectures`; undefined where it names none that an encoder has, such
 * as `LlamaForCausalLM`.
 */
export function headOf(config: ModelConfig): EncoderTask | undefined {
  const names = config.strings('architectures', []);
  const heads = names.filter(name => !name.endsWith('LMHeadModel'));
  return HEADS.find(([suffix]) => heads.some(name => name.endsWith(suffix)))?.[1];
}
