import type { TinyModel } from '#test/support/check-decoder.js';
import { randomTensors } from '#test/support/random-tensors.js';
import type { CaseModel } from './model.js';

/** Labels of {@link asClassifier}. */
const LABELS = { 0: 'a', 1: 'b', 2: 'c' };

/** Fields of the width of hidden states that a head reads. */
const WIDTHS = ['word_embed_proj_dim', 'hidden_size', 'n_embd', 'n_embed', 'd_model'];

/** Any of the names in `architectures` says enough: it is the ending that tells the head. */
const NAME = 'Decoder';

/**
 * A decoder's folder without a head, and so without the body's name before each weight: Hugging Face's
 * `XModel`.
 */
export function asEmbedder({ config, tensors }: Pick<CaseModel, 'config' | 'tensors'>): TinyModel {
  const bare = Object.entries(tensors)
    .filter(([name]) => !/^(lm_head|embed_out)\./.test(name))
    .map(([name, tensor]) => [name.replace(/^(model|transformer|gpt_neox)\./, ''), tensor] as const);
  return {
    config: { ...config, architectures: [`${NAME}Model`] },
    tensors: Object.fromEntries(bare),
  };
}

/**
 * A decoder's folder with a classifier of texts or of tokens in place of its own head: Hugging Face's
 * `XForSequenceClassification`.
 */
export function asClassifier(
  { config, tensors }: Pick<CaseModel, 'config' | 'tensors'>,
  kind: 'Sequence' | 'Token' = 'Sequence',
): TinyModel {
  const { 'lm_head.weight': _, 'lm_head.bias': __, 'embed_out.weight': ___, ...body } = tensors;
  const hidden = WIDTHS.map(field => config[field]).find(value => value !== undefined) as number;
  const name = kind === 'Token' && config.model_type === 'gpt2' ? 'classifier' : 'score';
  const head = {
    [`${name}.weight`]: [3, hidden],
    ...(kind === 'Token' && { [`${name}.bias`]: [3] }),
  };
  return {
    config: { ...config, architectures: [`${NAME}For${kind}Classification`], id2label: LABELS },
    tensors: { ...body, ...randomTensors(head, 2) },
  };
}
