import type { EncoderArchitecture } from '../assembly/encoder-architecture.js';
import { bertEncoder, summed } from '../assembly/bert-design.js';
import type { LayerNames } from '../assembly/layer-weights.js';
import { bertDesign, bertHeads, bertLayer, bertSizes } from './bert.js';
import { firstPosition, robertaHeads } from './roberta.js';

const EMBEDDING = 'embeddings.word_embeddings.weight';

/**
 * RoBERTa that normalises what each half of a layer reads (Wettig et al. 2022). Weight names are those of Hugging
 * Face's `RobertaPreLayerNormModel`.
 */
export const robertaPreLayerNorm: EncoderArchitecture = {
  modelTypes: ['roberta-prelayernorm'],
  bodyName: 'roberta_prelayernorm',
  embedding: EMBEDDING,
  sizes: config => bertSizes(config, firstPosition(config)),
  hiddenStates: source =>
    bertEncoder(source, {
      ...bertDesign(source, {
        firstPosition: firstPosition(source.config),
        layer: normsAt('attention.LayerNorm', 'intermediate.LayerNorm'),
      }),
      preNorm: { lastNorm: 'LayerNorm' },
    }),
  heads: robertaHeads,
};

/** XLM-RoBERTa XL and XXL (Goyal et al. 2021). Weight names are those of Hugging Face's `XLMRobertaXLModel`. */
export const xlmRobertaXl: EncoderArchitecture = {
  modelTypes: ['xlm-roberta-xl'],
  defaults: { layer_norm_eps: 1e-5 },
  bodyName: 'roberta',
  embedding: EMBEDDING,
  sizes: config => bertSizes(config, firstPosition(config)),
  hiddenStates(source) {
    const { config } = source;
    return bertEncoder(source, {
      ...bertDesign(source, {
        firstPosition: firstPosition(config),
        layer: normsAt('attention.self_attn_layer_norm', 'LayerNorm'),
      }),
      embedded: sum => summed(source, sum),
      preNorm: { lastNorm: 'encoder.LayerNorm' },
    });
  },
  heads: robertaHeads,
};

/** Megatron-BERT (Shoeybi et al. 2019). Weight names are those of Hugging Face's `MegatronBertModel`. */
export const megatronBert: EncoderArchitecture = {
  modelTypes: ['megatron-bert'],
  bodyName: 'bert',
  embedding: EMBEDDING,
  sizes: config => bertSizes(config, 0),
  hiddenStates: source =>
    bertEncoder(source, {
      ...bertDesign(source, { layer: normsAt('attention.ln', 'ln') }),
      embedded: sum => summed(source, sum),
      preNorm: { lastNorm: 'encoder.ln' },
    }),
  heads: bertHeads,
};

/** BERT's layer with its norms elsewhere. */
export function normsAt(attentionNorm: string, feedForwardNorm: string): (index: number) => LayerNames {
  return index => ({
    ...bertLayer(index),
    attentionNorm: `encoder.layer.${index}.${attentionNorm}`,
    feedForwardNorm: `encoder.layer.${index}.${feedForwardNorm}`,
  });
}
