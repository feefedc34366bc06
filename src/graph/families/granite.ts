import { scale } from '../blocks/scale.js';
import type { Value } from '../onnx/graph-builder.js';
import { decoderSizes, type DecoderArchitecture } from '../assembly/decoder-architecture.js';
import { rmsNorms, writeDecoder, type DecoderLayer } from '../assembly/decoder-body.js';
import { activationOf, gatedMlp, preNormLayer, selfAttention } from '../assembly/decoder-layers.js';
import { readRope, ropeTables } from '../assembly/rope.js';

/** Granite 3 (Granite Team, IBM 2024): Llama with factors of embeddings, scores, layer outputs and logits (Power, Shen et al. 2024). */
export const granite: DecoderArchitecture = {
  modelTypes: ['granite'],
  sizes: decoderSizes,
  write(source) {
    const { graph, config, sizes } = source;
    const rotary = ropeTables(source, 'rotary', readRope(config, sizes));
    const biases = config.flag('attention_bias', false) ? 'all' : 'none';
    const activation = activationOf(config, 'hidden_act', 'silu');
    const scoreFactor = config.positive('attention_multiplier', 1);
    const updateFactor = config.positive('residual_multiplier', 1);
    const update = ({ name }: DecoderLayer, half: string, x: Value): Value =>
      scale(graph, `${name}.${half}.scaled`, x, updateFactor);
    writeDecoder(source, {
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
    });
  },
};
