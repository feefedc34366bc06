import type { ModelConfig } from '../../config.js';
import type { Weight } from '../../weights/checkpoint.js';
import type { ModelWeights } from '../../weights/model-weights.js';

const EMBEDDING = 'embed_tokens.weight';
const SHARED = 'shared.weight';
const HEAD = 'lm_head.weight';

/** Which of them are one: the embeddings of both sides and the head, or those of the decoder and the head. */
export type Tying = 'both sides' | 'decoder';

/**
 * The token embeddings of a side. What is one, a checkpoint has by one name or by several: a side's own win,
 * which hold the same numbers or were trained apart.
 *
 * @param body the weights of both stacks.
 * @throws KvasirError `invalid_model`
 */
export function tokenEmbeddings(
  weights: ModelWeights,
  body: ModelWeights,
  side: 'encoder' | 'decoder',
  shape: readonly number[],
  tying: Tying = 'both sides',
): Weight {
  const own = `${side}.${EMBEDDING}`;
  const other = side === 'encoder' ? `decoder.${EMBEDDING}` : `encoder.${EMBEDDING}`;
  const inBody = (tying === 'decoder' ? [own] : [own, SHARED, other]).find(name => body.has(name));
  if (inBody !== undefined) return body.weight(inBody, shape);
  const isHead = weights.has(HEAD) && (tying === 'both sides' || side === 'decoder');
  return isHead ? weights.weight(HEAD, shape) : body.weight(tying === 'decoder' ? own : SHARED, shape);
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
  'ForAudioClassification',
  'EncoderModel',
  'Encoder',
  'Decoder',
];

/** Whether all that `architectures` names has another head, or a stack less. */
export function hasOtherHead(config: ModelConfig): boolean {
  const names = config.strings('architectures', []);
  return names.length > 0 && names.every(name => OTHERS.some(end => name.endsWith(end)));
}

/** @throws KvasirError `unsupported_model` where config.json is of a model that does not write text from text */
export function refuseOtherHeads(config: ModelConfig): void {
  if (!config.flag('is_encoder_decoder', true))
    config.unsupported('is_encoder_decoder is false: a stack without the other');
  if (hasOtherHead(config))
    config.unsupported(
      `architectures names '${config.strings('architectures').join("', '")}', which writes no text from a source`,
    );
}
