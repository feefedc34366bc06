import { activate } from '../../blocks/activation.js';
import { layerNorm } from '../../blocks/layer-norm.js';
import { linear } from '../../blocks/linear.js';
import { normalize, pool } from '../../blocks/sentence-embedding.js';
import type { ModelConfig } from '../../config.js';
import type { Value } from '../../onnx/graph-builder.js';
import type { DenseLayer, SentenceLayer } from '../../sentence-layers.js';
import type { SentenceModules } from '../../sentence-modules.js';
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
  { pooling, layers }: SentenceModules,
): Head {
  return {
    listed: listedBy(pooling),
    width: widthBehind(config, pooling.length * hiddenSize, layers),
    write(source, hidden) {
      const pooled = pool(source.graph, source.batch, hidden, hiddenSize, pooling);
      return writeLayers(source, pooled, layers);
    },
  };
}

/**
 * Width of a vector behind the modules that change it.
 *
 * @throws KvasirError `invalid_model` where one takes another width than it gets
 */
export function widthBehind(config: ModelConfig, before: number, layers: readonly SentenceLayer[]): number {
  let width = before;
  for (const layer of layers) {
    if (layer.kind === 'normalize') continue;
    const taken = layer.kind === 'dense' ? layer.inputs : layer.size;
    if (taken !== width) config.invalid(`${layer.folder} takes vectors of ${taken}, but gets ${width}`);
    if (layer.kind === 'dense') width = layer.outputs;
  }
  return width;
}

/** @param x `[rows, width]` */
export function writeLayers(source: EncoderSource, x: Value, layers: readonly SentenceLayer[]): Value {
  return layers.reduce((value, layer, index) => sentenceLayer(source, value, layer, index), x);
}

/** PyTorch's, which no setting of the module changes. */
const NORM_EPSILON = 1e-5;

function sentenceLayer(source: EncoderSource, x: Value, layer: SentenceLayer, index: number): Value {
  const { graph, modules } = source;
  switch (layer.kind) {
    case 'dense':
      return denseLayer(source, x, layer, modules.get(layer.folder)!);
    case 'layer-norm': {
      const norm = modules.get(layer.folder)!.norm('norm', layer.size, NORM_EPSILON);
      return layerNorm(graph, layer.folder, { stream: x, update: undefined }, norm).normalized;
    }
    case 'normalize':
      return normalize(graph, `normalized.${index}`, x);
  }
}

function denseLayer(
  { graph }: EncoderSource,
  x: Value,
  { folder, inputs, outputs, bias, activation }: DenseLayer,
  weights: ModelWeights,
): Value {
  const name = folder === '' ? 'projection' : folder;
  const vector = bias ? weights.bias('linear', outputs) : undefined;
  const product = linear(graph, name, x, weights.matrix('linear', outputs, inputs), vector);
  return activate(graph, `${name}.activation`, product, activation);
}
