import { embed, embeddingTable, outputProjection } from '../blocks/embedding.js';
import { cacheLengths, type CacheLengths } from '../blocks/grouped-query-attention.js';
import { languageModelHead } from './heads/language-model.js';
import { layerNorm } from '../blocks/layer-norm.js';
import { rmsNorm, type Residual } from '../blocks/normalization.js';
import { pagedBatch, type PagedBatch } from '../blocks/paged-attention.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';
import type { ModelWeights } from '../weights/model-weights.js';
import type { DecoderSource } from './decoder-architecture.js';

/** What a norm gives: the normalised value, and the residual stream with its update added. */
export interface Normalized {
  readonly normalized: Value;
  readonly stream: Value;
}

/**
 * Normalises the residual stream.
 *
 * @param name of the node.
 * @param weights where the norm's weights are.
 * @param weightName what they are called there, before `.weight`.
 */
export type Normalize = (
  name: string,
  residual: Residual,
  weights: ModelWeights,
  weightName: string,
) => Normalized;

/** What all layers are told of the cache. */
export type DecoderCache =
  | { readonly kind: 'slots'; readonly lengths: CacheLengths }
  | { readonly kind: 'paged'; readonly batch: PagedBatch };

/** A layer that is being written. */
export class DecoderLayer {
  readonly source: DecoderSource;
  readonly index: number;
  /** In the graph. */
  readonly name: string;
  /** The layer's own. */
  readonly weights: ModelWeights;
  readonly cache: DecoderCache;
  readonly #normalize: Normalize;

  constructor(
    source: DecoderSource,
    index: number,
    weights: ModelWeights,
    cache: DecoderCache,
    normalize: Normalize,
  ) {
    this.source = source;
    this.index = index;
    this.name = `layer.${index}`;
    this.weights = weights;
    this.cache = cache;
    this.#normalize = normalize;
  }

  /** How many positions it sees; undefined: all. */
  get window(): number | undefined {
    return this.source.sizes.windows?.[this.index];
  }

  norm(name: string, weightName: string, residual: Residual): Normalized {
    return this.#normalize(`${this.name}.${name}`, residual, this.weights, weightName);
  }
}

/** How a family differs from others. Names of weights are by default those of Hugging Face's `LlamaForCausalLM`. */
export interface DecoderDesign {
  readonly normalize: Normalize;
  /** What becomes of the token embeddings `[...tokens, hidden]` before the first layer. */
  readonly afterEmbedding?: (embedded: Value, ids: Value, body: ModelWeights, cache: DecoderCache) => Value;
  readonly layer: (layer: DecoderLayer, residual: Residual) => Residual;
  /** Of logits, before they are capped. */
  readonly logitsFactor?: number;
  readonly logitsSoftCap?: number | undefined;
  readonly names?: typeof LLAMA_NAMES;
}

const LLAMA_NAMES = { body: 'model', embedding: 'embed_tokens', layers: 'layers', norm: 'norm' };

/** Writes a decoder: token embeddings, layers, a last norm, and the projection onto the vocabulary. */
export function writeDecoder(source: DecoderSource, design: DecoderDesign): void {
  const { graph, weights, sizes } = source;
  const { normalize, names = LLAMA_NAMES } = design;
  // A checkpoint of the body alone has no prefix.
  const hasPrefix = weights.has(`${names.body}.${names.embedding}.weight`);
  const body = hasPrefix ? weights.within(names.body) : weights;

  const isPaged = source.cache === 'paged';
  const ids = graph.input('input_ids', DataType.INT64, isPaged ? ['tokens'] : ['batch', 'sequence']);
  const cache: DecoderCache = isPaged
    ? { kind: 'paged', batch: pagedBatch(graph) }
    : { kind: 'slots', lengths: cacheLengths(graph) };
  const shape = [sizes.vocabularySize, sizes.hiddenSize];
  const words = body.weight(`${names.embedding}.weight`, shape);
  const table = embeddingTable(graph, 'embedding', words);
  const embedded = embed(graph, 'embedded', table, ids);
  let residual: Residual = {
    stream: design.afterEmbedding?.(embedded, ids, body, cache) ?? embedded,
    update: undefined,
  };
  for (let index = 0; index < sizes.layers; index++) {
    const layerWeights = body.within(`${names.layers}.${index}`);
    residual = design.layer(new DecoderLayer(source, index, layerWeights, cache, normalize), residual);
  }
  const { normalized } = normalize('final_norm', residual, body, names.norm);
  const output = isTied(source)
    ? outputProjection(graph, 'output', words, table)
    : outputProjection(graph, 'output', weights.weight('lm_head.weight', shape));
  const { logitsFactor: factor, logitsSoftCap: cap } = design;
  languageModelHead(graph, normalized, output, sizes.hiddenSize, sizes.vocabularySize, {
    factor,
    softCap: cap,
  });
}

/** Root mean square norms whose epsilon is `rms_norm_eps`. Some families store their weights less 1. */
export function rmsNorms({ graph, config, sizes }: DecoderSource, storedLessOne = false): Normalize {
  const epsilon = config.positive('rms_norm_eps', 1e-6);
  return (name, residual, weights, weightName) => {
    const weight = weights.scale(weightName, sizes.hiddenSize);
    return rmsNorm(graph, name, residual, storedLessOne ? plusOne(weight) : weight, epsilon);
  };
}

/** Layer norms with a shift, whose epsilon is a field of config.json. */
export function layerNorms({ graph, config, sizes }: DecoderSource, epsilonField: string): Normalize {
  const epsilon = config.positive(epsilonField, 1e-5);
  return (name, residual, weights, weightName) =>
    layerNorm(graph, name, residual, weights.norm(weightName, sizes.hiddenSize, epsilon));
}

/** A weight that is stored less 1. */
export function plusOne(weight: Weight): Weight {
  return { ...weight, load: async (first, last) => (await weight.load(first, last)).map(value => value + 1) };
}

/** Whether the embedding is the output projection, too. Families differ in what they assume where config.json is silent: the weights tell. */
function isTied({ config, weights }: DecoderSource): boolean {
  return config.flag('tie_word_embeddings', !weights.has('lm_head.weight'));
}
