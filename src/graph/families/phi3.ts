import type { DecoderArchitecture, DecoderLayer } from '../assembly/decoder-design.js';
import { attend, preNormLayer, type AttentionDesign } from '../assembly/decoder-layers.js';
import { rmsNorms } from '../assembly/decoder-norms.js';
import { rotaryOf } from '../assembly/rope.js';
import { uniformlyWindowedSizes } from '../assembly/windows.js';
import { activationOf } from '../blocks/activation.js';
import { gatedFeedForward } from '../blocks/feed-forward.js';
import type { Value } from '../onnx/graph-builder.js';
import { sliceRows } from '../weights/matrix.js';

/** Phi-3, 3.5 and 4 (Abdin et al. 2024): Llama whose projections of one input are stored as one matrix. */
export const phi3: DecoderArchitecture = {
  modelTypes: ['phi3'],
  sizes: uniformlyWindowedSizes,
  design(source) {
    const rotary = rotaryOf(source);
    return {
      normalize: rmsNorms(source),
      layer: (layer, residual) =>
        preNormLayer(layer, residual, {
          attention: x => fusedAttention(layer, x, { rotary }),
          feedForward: x => fusedMlp(layer, x),
        }),
    };
  },
};

function fusedAttention(layer: DecoderLayer, x: Value, design: AttentionDesign): Value {
  const { heads, kvHeads, headSize, hiddenSize } = layer.source.sizes;
  const own = layer.weights.within('self_attn');
  const weights = {
    packed: own.matrix('qkv_proj', (heads + 2 * kvHeads) * headSize, hiddenSize),
    output: own.matrix('o_proj', hiddenSize, heads * headSize),
  };
  return attend(layer, x, weights, design);
}

/** Names and inner width of a gated feed-forward layer whose first two matrices are stored as one. */
export interface FusedMlp {
  readonly within: string;
  readonly both: string;
  readonly down: string;
  readonly inner: number;
}

/** A gated feed-forward layer whose first two matrices are stored as one, gate above up; by default by Phi-3's names. */
export function fusedMlp(
  layer: DecoderLayer,
  x: Value,
  { within, both, down, inner }: FusedMlp = {
    within: 'mlp',
    both: 'gate_up_proj',
    down: 'down_proj',
    inner: layer.source.config.size('intermediate_size'),
  },
): Value {
  const { graph, config, sizes } = layer.source;
  const own = layer.weights.within(within);
  const stacked = own.matrix(both, 2 * inner, sizes.hiddenSize);
  const weights = {
    gate: sliceRows(stacked, 0, inner),
    up: sliceRows(stacked, inner, 2 * inner),
    down: own.matrix(down, sizes.hiddenSize, inner),
  };
  const activation = activationOf(config, 'hidden_act', 'silu');
  return gatedFeedForward(graph, `${layer.name}.feed_forward`, x, weights, activation);
}
