import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { LLAMA_ATTENTION, plainMlp, preNormLayer, selfAttention } from '../assembly/decoder-layers.js';
import { layerNorms } from '../assembly/decoder-norms.js';
import { multiHeadSizes, embeddingSize, type DecoderSizes } from '../assembly/decoder-source.js';
import { learnedPositions } from '../assembly/learned-positions.js';
import { activationOf } from '../blocks/activation.js';
import { layerLinear } from '../blocks/layer-linear.js';
import { sumOf, type Residual } from '../blocks/normalization.js';
import { rowsFrom } from '../blocks/position-table.js';
import { postNormBlock, type Normalize, type Sublayers } from '../blocks/transformer-block.js';
import { MOST, type ModelConfig } from '../config.js';

/** Rows of the position table before the first position's. */
const OFFSET = 2;
const NORMS = ['self_attn_layer_norm', 'final_layer_norm'] as const;

/**
 * OPT (Zhang et al. 2022): learned positions, layer norm and ReLU; the one of 350M normalises behind each half, and has
 * narrower embeddings.
 */
export const opt: DecoderArchitecture = {
  modelTypes: ['opt'],
  names: {
    body: 'model.decoder',
    embedding: 'embed_tokens',
    layers: 'layers',
    norm: 'final_layer_norm',
    tokenClassifier: 'score',
  },

  sizes(config): DecoderSizes {
    const sizes = multiHeadSizes(config);
    return { ...sizes, embeddingSize: config.size('word_embed_proj_dim', sizes.hiddenSize, MOST.width) };
  },

  design(source) {
    const { graph, config, sizes } = source;
    const { hiddenSize } = sizes;
    if (!config.flag('layer_norm_elementwise_affine', true))
      config.unsupported('layer_norm_elementwise_affine is false');
    const trained = config.size('max_position_embeddings', undefined, MOST.context);
    const width = embeddingSize(sizes);
    const hasBiases = config.flag('enable_bias', true);
    const mlp = {
      up: 'fc1',
      down: 'fc2',
      inner: config.size('ffn_dim'),
      hasBiases,
      activation: activationOf(config, 'activation_function', 'relu'),
    };
    const normalize = layerNorms(source, 1e-5);
    const write = config.flag('do_layer_norm_before', true) ? preNorm : postNorm;
    const names = { ...LLAMA_ATTENTION, output: 'out_proj' };
    return {
      normalize,
      afterEmbedding: (embedded, ids, body, cache) => {
        const table = rowsFrom(body.weight('embed_positions.weight', [trained + OFFSET, hiddenSize]), OFFSET);
        const wide =
          width === hiddenSize
            ? embedded
            : layerLinear(graph, 'embedded.wide', embedded, body.matrix('project_in', hiddenSize, width));
        return learnedPositions(source, wide, ids, cache, table);
      },
      layer: (layer, residual) =>
        write(layer, residual, {
          attention: x => selfAttention(layer, x, { rotary: undefined }, hasBiases ? 'all' : 'none', names),
          feedForward: x => plainMlp(layer, x, mlp),
        }),
      last: (residual, body) => {
        const hidden = isNormalizedLast(config)
          ? normalize('final_norm', residual, body, 'final_layer_norm').normalized
          : sumOf(graph, 'final_sum', residual);
        if (width === hiddenSize) return hidden;
        return layerLinear(graph, 'narrow', hidden, body.matrix('project_out', width, hiddenSize));
      },
    };
  },
};

function isNormalizedLast(config: ModelConfig): boolean {
  return config.flag('do_layer_norm_before', true) && !config.flag('_remove_final_layer_norm', false);
}

function preNorm(layer: DecoderLayer, residual: Residual, sublayers: Sublayers): Residual {
  return preNormLayer(layer, residual, sublayers, NORMS);
}

function postNorm(layer: DecoderLayer, { stream }: Residual, sublayers: Sublayers): Residual {
  const [attention, feedForward] = NORMS.map(
    (name): Normalize =>
      (node, residual) =>
        layer.norm(node, name, residual),
  ) as [Normalize, Normalize];
  const narrow = (value: string): string => layer.narrow(value);
  const normed = postNormBlock(layer.name, stream, sublayers, { attention, feedForward }, narrow);
  return { stream: normed, update: undefined };
}
