import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { attentionBiases, gatedMlp, preNormLayer, selfAttention } from '../assembly/decoder-layers.js';
import { rmsNorms } from '../assembly/decoder-norms.js';
import { decoderSizes } from '../assembly/decoder-source.js';
import { rotaryOf } from '../assembly/rope.js';
import { activationOf } from '../blocks/activation.js';
import { scale } from '../blocks/scale.js';
import type { Value } from '../onnx/graph-builder.js';

/** Granite 3 (Granite Team, IBM 2024): Llama with factors of embeddings, scores, layer outputs and logits (Power, Shen et al. 2024). */
export const granite: DecoderArchitecture = {
  modelTypes: ['granite'],
  sizes: decoderSizes,
  design(source) {
    const { graph, config } = source;
    const rotary = rotaryOf(source);
    const biases = attentionBiases(config);
    const activation = activationOf(config, 'hidden_act', 'silu');
    const scoreFactor = config.positive('attention_multiplier', 1);
    const updateFactor = config.positive('residual_multiplier', 1);
    const update = ({ name }: DecoderLayer, half: string, x: Value): Value =>
      scale(graph, `${name}.${half}.scaled`, x, updateFactor);
    return {
      normalize: rmsNorms(source),
      afterEmbedding: x => scale(graph, 'embedded.scaled', x, config.positive('embedding_multiplier', 1)),
      logitsFactor: 1 / config.positive('logits_scaling', 1),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x =>
            update(layer, 'attended', selfAttention(layer, x, { rotary, scale: scoreFactor }, biases)),
          feedForward: x =>
            update(layer, 'fed', gatedMlp(layer, x, activation, config.flag('mlp_bias', false))),
        }),
    };
  },
};
