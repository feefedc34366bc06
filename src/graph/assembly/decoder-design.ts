import type { Heads } from '../blocks/attention-projections.js';
import type { CacheLengths } from '../blocks/grouped-query-attention.js';
import type { MixedBatch } from '../blocks/mixed-attention.js';
import type { Normalized, Residual } from '../blocks/normalization.js';
import type { PackedBatch } from '../blocks/packed-batch.js';
import type { PagedBatch } from '../blocks/paged-attention.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import type { ModelWeights } from '../weights/model-weights.js';
import { keyHeads, type DecoderSizes, type DecoderSource } from './decoder-source.js';
import type { LanguageModelHead } from './heads/language-model.js';

/**
 * A family of decoders: a table of what sets it apart. The same description gives a generator
 * ({@link writeGenerator}) and an encoder ({@link asEncoder}).
 */
export interface DecoderArchitecture {
  /** Values of `model_type` in config.json. */
  readonly modelTypes: readonly string[];
  /** Default: {@link LLAMA_NAMES}. */
  readonly names?: DecoderNames;
  /** What a weight is called in a checkpoint, by the name that it has here; default: the same. */
  readonly storedName?: (name: string) => string;
  /** What config.json calls some fields, by the names that they have here. */
  readonly fieldNames?: Readonly<Record<string, string>>;
  /** Values of the family's own configuration class for fields that config.json does not name. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /**
   * @throws KvasirError `invalid_model`, `unsupported_model` where config.json is incomplete or asks for what
   * is not there.
   */
  sizes(config: ModelConfig): DecoderSizes;
  /**
   * How far a token sees to either side in a layer with a window of so many positions, where config.json sets
   * `use_bidirectional_attention`. Absent: nobody has said it, and such layers are refused.
   */
  readonly reachBothWays?: (window: number) => number;
  /**
   * Describes a model of the family. May add to the graph what its layers share, such as rotary tables;
   * weights are looked up when layers are written, and read when the graph is saved.
   *
   * @throws KvasirError `invalid_model`, `unsupported_model`
   */
  design(source: DecoderSource): DecoderDesign;
}

/** A family that reads its own names of fields, and its own defaults where config.json does not name a field. */
export function withOwnConfig(family: DecoderArchitecture): DecoderArchitecture {
  return { ...family, sizes: config => family.sizes(ownConfig(family, config)) };
}

/** What a family reads: config.json with its own defaults, and weights by their stored names. */
export function ownSource(
  family: DecoderArchitecture,
  { config, weights, ...others }: DecoderSource,
): DecoderSource {
  const { storedName } = family;
  return {
    ...others,
    config: ownConfig(family, config),
    weights: storedName === undefined ? weights : weights.renamed(storedName),
  };
}

/** @throws KvasirError `unsupported_model` where a field has two values by its two names */
function ownConfig({ defaults, fieldNames = {} }: DecoderArchitecture, config: ModelConfig): ModelConfig {
  for (const [field, own] of Object.entries(fieldNames)) {
    const [value, other] = [field, own].map(name => config.value(name));
    if (config.has(field) && config.has(own) && value !== other)
      config.unsupported(`${field} is ${JSON.stringify(value)} and ${own} is ${JSON.stringify(other)}`);
  }
  const named = Object.entries(fieldNames)
    .map(([field, own]) => [field, config.value(own)] as const)
    .filter(([, value]) => value !== undefined);
  return config.completedBy({ ...defaults, ...Object.fromEntries(named) });
}

/** Names of a decoder's weights, without `.weight`. */
export interface DecoderNames {
  /** Prefix of the body in a checkpoint with a head. */
  readonly body: string;
  readonly embedding: string;
  readonly layers: string;
  /** The last norm. */
  readonly norm: string;
  /** The projection of a token classifier. */
  readonly tokenClassifier: string;
}

/** The names of Hugging Face's Llama, which most families have taken over. */
export const LLAMA_NAMES: DecoderNames = {
  body: 'model',
  embedding: 'embed_tokens',
  layers: 'layers',
  norm: 'norm',
  tokenClassifier: 'score',
};

/** The layers of a model, and what stands before and behind them. */
export interface DecoderDesign {
  readonly normalize: DecoderNorm;
  /** Gives the hidden states behind the last layer; by default its sum, normalised. */
  readonly last?: (residual: Residual, body: ModelWeights) => Value;
  /** Changes the token embeddings `[...tokens, hidden]` before the first layer. */
  readonly afterEmbedding?: (embedded: Value, ids: Value, body: ModelWeights, cache: DecoderCache) => Value;
  readonly layer: (layer: DecoderLayer, residual: Residual) => Residual;
  /** True if the projection onto the vocabulary has a bias. */
  readonly headBias?: boolean;
  /** Factor of a generator's logits, before they are capped. */
  readonly logitsFactor?: number;
  readonly logitsSoftCap?: number | undefined;
}

/** What a design says of the projection onto the vocabulary. */
export function headOfDesign({ headBias, logitsFactor, logitsSoftCap }: DecoderDesign): LanguageModelHead {
  return { biased: headBias, factor: logitsFactor, softCap: logitsSoftCap };
}

/**
 * Normalises the residual stream.
 *
 * @param name of the node.
 * @param weights where the norm's weights are.
 * @param weightName what they are called there, before `.weight`.
 */
export type DecoderNorm = (
  name: string,
  residual: Residual,
  weights: ModelWeights,
  weightName: string,
) => Normalized;

/** The place where attention finds the keys and values of earlier positions. */
export type DecoderCache =
  | { readonly kind: 'slots'; readonly lengths: CacheLengths }
  | { readonly kind: 'mixed'; readonly batch: MixedBatch }
  | { readonly kind: 'paged'; readonly batch: PagedBatch }
  /** Nowhere: texts come whole, and nothing of them is kept. */
  | { readonly kind: 'packed'; readonly batch: PackedBatch; readonly seesBothWays: boolean };

/** The leading dimensions of a run's values, as Reshape takes them. */
export function tokenDimensions({ kind }: DecoderCache): readonly number[] {
  return kind === 'slots' || kind === 'mixed' ? [0, -1] : [-1];
}

/** A layer that is being written. */
export class DecoderLayer {
  readonly source: DecoderSource;
  readonly index: number;
  /** Its name in the graph, `layer.N`. */
  readonly name: string;
  /** The layer's own. */
  readonly weights: ModelWeights;
  /** Of the run's tokens. */
  readonly ids: Value;
  readonly cache: DecoderCache;
  readonly #normalize: DecoderNorm;

  constructor(
    source: DecoderSource,
    index: number,
    weights: ModelWeights,
    ids: Value,
    cache: DecoderCache,
    normalize: DecoderNorm,
  ) {
    this.source = source;
    this.index = index;
    this.name = `layer.${index}`;
    this.weights = weights;
    this.ids = ids;
    this.cache = cache;
    this.#normalize = normalize;
  }

  /** Positions that it sees; undefined: all. */
  get window(): number | undefined {
    return this.source.sizes.windows?.[this.index];
  }

  /** Heads of its attention. */
  get heads(): Heads {
    const { sizes } = this.source;
    return { heads: sizes.heads, ...keyHeads(sizes, this.index) };
  }

  /** The leading dimensions of its values, as Reshape takes them. */
  get tokens(): readonly number[] {
    return tokenDimensions(this.cache);
  }

  /** True if nothing reads all tokens behind its attention: only those go on that the head wants. */
  get isNarrowed(): boolean {
    return this.cache.kind === 'packed' && this.cache.batch.narrows(this.index, this.source.sizes.layers);
  }

  /**
   * The rows of the residual stream, or of what was made of it, that go on behind the attention.
   *
   * @param what of the layer it is, where more than the stream goes on.
   */
  narrow(value: Value, what = 'wanted'): Value {
    return this.cache.kind === 'packed' && this.isNarrowed
      ? this.cache.batch.listed(`${this.name}.${what}`, value)
      : value;
  }

  norm(name: string, weightName: string, residual: Residual): Normalized {
    return this.#normalize(name, residual, this.weights, weightName);
  }
}
