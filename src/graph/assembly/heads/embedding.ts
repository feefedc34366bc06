import { activate } from '../../blocks/activation.js';
import { linear } from '../../blocks/linear.js';
import { normalize, pool } from '../../blocks/sentence-embedding.js';
import type { ModelConfig } from '../../config.js';
import type { Value } from '../../onnx/graph-builder.js';
import type { DenseModule, SentenceModules } from '../../sentence-modules.js';
import type { ModelWeights } from '../../weights/model-weights.js';
import type { EncoderSource } from '../encoder-architecture.js';
import { listedBy, type Head } from './head.js';

/**
 * One vector of each text, `[texts, width]`: the pooling of its hidden states, and the modules of
 * sentence-transformers behind it.
 */
export function embedding(
  config: ModelConfig,
  hiddenSize: number,
  { pooling, dense, normalize: isNormalized }: SentenceModules,
): Head {
  let width = pooling.length * hiddenSize;
  for (const { folder, inputs, outputs } of dense) {
    if (inputs !== width) config.invalid(`${folder} takes vectors of ${inputs}, but gets ${width}`);
    width = outputs;
  }
  return {
    listed: listedBy(pooling),
    width,
    write(source, hidden) {
      const pooled = pool(source.graph, source.batch, hidden, hiddenSize, pooling);
      const projected = dense.reduce(
        (x, module, i) => denseLayer(source, x, module, source.modules[i]!),
        pooled,
      );
      return isNormalized ? normalize(source.graph, 'normalized', projected) : projected;
    },
  };
}

function denseLayer(
  { graph }: EncoderSource,
  x: Value,
  { folder, inputs, outputs, bias, activation }: DenseModule,
  weights: ModelWeights,
): Value {
  const vector = bias ? weights.bias('linear', outputs) : undefined;
  const product = linear(graph, folder, x, weights.matrix('linear', outputs, inputs), vector);
  return activate(graph, `${folder}.activation`, product, activation);
}
