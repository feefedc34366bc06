import type { ModelConfig } from '../../config.js';
import type { Weight } from '../../weights/checkpoint.js';
import type { ModelWeights } from '../../weights/model-weights.js';

const EMBEDDING = 'embed_tokens.weight';
const SHARED = 'shared.weight';
const HEAD = 'lm_head.weight';

/**
 * The token embeddings of a side. Where both sides and the head share them, a checkpoint has them by one name
 * or several: a side's own win, which hold the same numbers or were trained apart.
 *
 * @param body the weights of both stacks.
 * @throws KvasirError `invalid_model`
 */
export function tokenEmbeddings(
  weights: ModelWeights,
  body: ModelWeights,
  side: 'encoder' | 'decoder',
  shape: readonly number[],
): Weight {
  const other = side === 'encoder' ? 'decoder' : 'encoder';
  const stored = [`${side}.${EMBEDDING}`, SHARED, `${other}.${EMBEDDING}`].find(name => body.has(name));
  if (stored === undefined && weights.has(HEAD)) return weights.weight(HEAD, shape);
  return body.weight(stored ?? SHARED, shape);
}

/**
 * The projection onto the vocabulary: a matrix of its own where the checkpoint has one, else the embeddings of
 * the decoder's side (Press and Wolf 2017). Families and their versions differ in what `tie_word_embeddings`
 * says of it: the weights tell.
 *
 * @throws KvasirError `invalid_model`
 */
export function outputWeight(weights: ModelWeights, words: Weight, shape: readonly number[]): Weight {
  return weights.has(HEAD) ? weights.weight(HEAD, shape) : words;
}

/** Ends of names in `architectures` that have another head, or a stack less. */
const OTHERS = [
  'ForSequenceClassification',
  'ForTokenClassification',
  'ForQuestionAnswering',
  'ForCausalLM',
  'EncoderModel',
  'Encoder',
  'Decoder',
];

/** @throws KvasirError `unsupported_model` where config.json is of a model that does not write text from text */
export function refuseOtherHeads(config: ModelConfig): void {
  if (!config.flag('is_encoder_decoder', true))
    config.unsupported('is_encoder_decoder is false: a stack without the other');
  const names = config.strings('architectures', []);
  if (names.length > 0 && names.every(name => OTHERS.some(end => name.endsWith(end))))
    config.unsupported(`architectures names '${names.join("', '")}', which writes no text from a source`);
}
