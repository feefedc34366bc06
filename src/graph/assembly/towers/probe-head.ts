import { attentionPooling } from '../../blocks/attention-pooling.js';
import { matrix, sliceRows } from '../../weights/matrix.js';
import { sliceVector, type ModelWeights } from '../../weights/model-weights.js';
import type { VisionHead } from '../vision/architecture.js';
import type { VisionTransformerDesign } from '../vision/vision-transformer.js';

/** A picture's vector by the head of SigLIP: what a learned probe attends to, see `attentionPooling`. */
export function probeVector(
  size: number,
  {
    heads,
    intermediateSize,
    activation,
    epsilon,
  }: Pick<VisionTransformerDesign, 'heads' | 'intermediateSize' | 'activation' | 'epsilon'>,
): VisionHead {
  return {
    width: size,
    tokens: undefined,
    write({ graph, body }, hidden) {
      const head = body.within('head');
      const weights = {
        probe: head.weight('probe', [1, 1, size]),
        attention: stackedAttention(head.within('attention'), size),
        norm: head.norm('layernorm', size, epsilon),
        feedForward: {
          up: head.matrix('mlp.fc1', intermediateSize, size),
          upBias: head.bias('mlp.fc1', intermediateSize),
          down: head.matrix('mlp.fc2', size, intermediateSize),
          downBias: head.bias('mlp.fc2', size),
        },
        activation,
      };
      return attentionPooling(graph, 'head', hidden, weights, heads);
    },
  };
}

/** Attention as PyTorch's own module stores it: queries, keys and values one under the other. */
function stackedAttention(weights: ModelWeights, size: number) {
  const packed = matrix(weights.weight('in_proj_weight', [3 * size, size]));
  const bias = weights.vector('in_proj_bias', 3 * size);
  const part = (index: number) => sliceRows(packed, index * size, (index + 1) * size);
  const biasOf = (index: number) => sliceVector(bias, index * size, (index + 1) * size);
  return {
    query: part(0),
    queryBias: biasOf(0),
    key: part(1),
    keyBias: biasOf(1),
    value: part(2),
    valueBias: biasOf(2),
    output: weights.matrix('out_proj', size, size),
    outputBias: weights.bias('out_proj', size),
  };
}
