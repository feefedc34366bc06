import { activationOf } from '../../blocks/activation.js';
import { packAttention } from '../../blocks/attention-projections.js';
import { embed } from '../../blocks/embedding.js';
import { layerNorm } from '../../blocks/layer-norm.js';
import { multiHeadAttention } from '../../blocks/multi-head-attention.js';
import type { Residual } from '../../blocks/normalization.js';
import { packedAttention } from '../../blocks/packed-attention.js';
import { preNormBlock, type Normalize } from '../../blocks/transformer-block.js';
import { MOST, type ModelConfig } from '../../config.js';
import type { Value } from '../../onnx/graph-builder.js';
import { headSizeOf, wordTable, type EncoderSizes, type EncoderSource } from '../encoder-architecture.js';
import { attentionWeights, writeFeedForward, type VisionLayerNames } from '../vision/layer-weights.js';
import type { TextTower } from './architecture.js';

/** Name of the token embeddings in a tower's body. */
export const TOWER_EMBEDDING = 'embeddings.token_embedding.weight';

/** Differences between towers that read. */
export interface TextTowerDesign {
  /** True if tokens see none behind them. */
  readonly isCausal: boolean;
  readonly layer: (index: number) => VisionLayerNames;
  /** Fields of `text_config` by its configuration class. */
  readonly defaults: Readonly<Record<string, unknown>>;
}

/** A pre-norm encoder of texts with learned positions, by the field names of CLIP's `text_config`. */
export function textTower({ isCausal, layer, defaults }: TextTowerDesign): TextTower {
  return { defaults, sizes, hiddenStates: source => towerStates(source, isCausal, layer) };
}

function sizes(config: ModelConfig): EncoderSizes {
  const hiddenSize = config.size('hidden_size', undefined, MOST.width);
  const heads = config.size('num_attention_heads');
  return {
    layers: config.size('num_hidden_layers', undefined, MOST.layers),
    hiddenSize,
    heads,
    headSize: headSizeOf(config, hiddenSize, heads),
    vocabularySize: config.size('vocab_size'),
    segments: 1,
    contextLength: config.size('max_position_embeddings', undefined, MOST.context),
  };
}

function towerStates(source: EncoderSource, isCausal: boolean, layer: TextTowerDesign['layer']): Value {
  const { graph, config, batch, body } = source;
  const { hiddenSize, layers, heads, headSize, contextLength } = source.sizes;
  const epsilon = config.positive('layer_norm_eps');
  const norm =
    (weightName: string): Normalize =>
    (name, residual) =>
      layerNorm(graph, name, residual, body.norm(weightName, hiddenSize, epsilon));
  const shape = {
    hiddenSize,
    intermediateSize: config.size('intermediate_size'),
    activation: activationOf(config, 'hidden_act', 'gelu'),
  };
  const table = body.weight('embeddings.position_embedding.weight', [contextLength, hiddenSize]);
  const rows = graph.floats('positions.weight', table.shape, () => table.load());
  let residual: Residual = {
    stream: embed(graph, 'embedded.words', wordTable(source), batch.ids),
    update: graph.node({ op: 'Gather', inputs: [rows, batch.positions], name: 'embedded.positions' }),
  };
  for (let index = 0; index < layers; index++) {
    const name = `layer.${index}`;
    const names = layer(index);
    const isNarrowed = batch.narrows(index, layers);
    const weights = attentionWeights(body, names, hiddenSize);
    const options = { heads, kvHeads: heads, headSize, rotary: undefined };
    residual = preNormBlock(
      name,
      residual,
      {
        attention: x =>
          isCausal
            ? packedAttention(graph, name, x, packAttention(weights), options, batch, isNarrowed)
            : multiHeadAttention(graph, name, x, weights, options, batch.global(isNarrowed)),
        feedForward: x => writeFeedForward(graph, body, `${name}.feed_forward`, x, names, shape),
      },
      { attention: norm(names.attentionNorm), feedForward: norm(names.feedForwardNorm) },
      stream => (isNarrowed ? batch.listed(`${name}.wanted`, stream) : stream),
    );
  }
  return norm('final_layer_norm')('last_norm', residual).normalized;
}
