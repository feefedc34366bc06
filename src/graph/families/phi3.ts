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

/** A gated feed-forward layer whose first two matrices are stored as one. */
export function fusedMlp(layer: DecoderLayer, x: Value): Value {
  const { graph, config, sizes } = layer.source;
  const inner = config.size('intermediate_size');
  const own = layer.weights.within('mlp');
  const both = own.matrix('gate_up_proj', 2 * inner, sizes.hiddenSize);
  const weights = {
    gate: sliceRows(both, 0, inner),
    up: sliceRows(both, inner, 2 * inner),
    down: own.matrix('down_proj', sizes.hiddenSize, inner),
  };
  const activation = activationOf(config, 'hidden_act', 'silu');
  return gatedFeedForward(graph, `${layer.name}.feed_forward`, x, weights, activation);
}
