import { embeddingTable, type EmbeddingTable } from '../blocks/embedding.js';
import type { PackedBatch } from '../blocks/packed-batch.js';
import type { ModelConfig } from '../config.js';
import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { ModelWeights } from '../weights/model-weights.js';
import type { LogitsOfTokens } from './heads/head.js';
import type { EncoderHeads } from './heads/index.js';

/** Sizes of an encoder. */
export interface EncoderSizes {
  readonly layers: number;
  readonly hiddenSize: number;
  /** Width of token vectors, where it is not the hidden size. */
  readonly embeddingSize?: number;
  readonly heads: number;
  readonly headSize: number;
  readonly vocabularySize: number;
  /** Segments that the model tells apart; 1 where it knows none. */
  readonly segments: number;
  /** Longest text that the model was made for. */
  readonly contextLength: number;
  /** In layers with local attention, how far from itself a token sees, in tokens. */
  readonly window?: number;
}

/** The sources of an encoder's graph. */
export interface EncoderSource {
  readonly graph: ModelGraph;
  readonly config: ModelConfig;
  /** With the context that is to be served. */
  readonly sizes: EncoderSizes;
  readonly batch: PackedBatch;
  /** Weights of the body, named as in a checkpoint without a head. */
  readonly body: ModelWeights;
  /** All weights, by their full names. */
  readonly weights: ModelWeights;
  /** Weights of the modules behind the pooling that have some, by their folders. */
  readonly modules: ReadonlyMap<string, ModelWeights>;
  /** Full name of the token embeddings in the body. */
  readonly embedding: string;
}

/**
 * A family of encoders; the inputs of its graphs are those of {@link PackedBatch}. All functions throw
 * KvasirError `invalid_model` where a field or weight is missing or wrong, and `unsupported_model` where
 * config.json asks for what is not there.
 */
export interface EncoderArchitecture {
  /** Values of `model_type` in config.json. */
  readonly modelTypes: readonly string[];
  /** False for a model of that type that is of another family, with the code of its makers. Default: true. */
  readonly matches?: (config: ModelConfig) => boolean;
  /** Values of fields that config.json may leave out, where its configuration class has others than BERT's. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Prefix of the body's weights in checkpoints with a head, without the dot. */
  readonly bodyName: string;
  /** Full name of the token embeddings in the body. */
  readonly embedding: string;
  sizes(config: ModelConfig): EncoderSizes;
  /** The weights by the family's names, where some may be stored under others. */
  readonly named?: (weights: ModelWeights) => ModelWeights;
  /** Writes the body, and returns the hidden states of the wanted rows, `[rows, hidden]`. */
  hiddenStates(source: EncoderSource): Value;
  /** The same with the head of a model that writes texts, for families that have one. */
  readonly withVocabulary?: (source: EncoderSource) => {
    readonly hidden: Value;
    readonly logitsOf: LogitsOfTokens;
  };
  /** The heads that its checkpoints may have, beside embeddings, which need none. */
  heads(config: ModelConfig): EncoderHeads;
}

/** Token vectors, which the output projection of masked language models shares. */
export function wordTable({ graph, body, sizes, embedding }: EncoderSource): EmbeddingTable {
  const weight = body.weight(embedding, [sizes.vocabularySize, embeddingSizeOf(sizes)]);
  return graph.shared('words', () => embeddingTable(graph, 'words', weight));
}

/** Features of a head of attention. */
export function headSizeOf(config: ModelConfig, hiddenSize: number, heads: number): number {
  if (hiddenSize % heads !== 0)
    config.invalid(`a hidden size of ${hiddenSize} is no multiple of ${heads} attention heads`);
  const size = hiddenSize / heads;
  if (config.has('head_dim') && config.size('head_dim') !== size)
    config.unsupported(`head_dim is ${config.size('head_dim')}, and hidden_size over heads is ${size}`);
  return size;
}

/** Width of token vectors. */
export function embeddingSizeOf({ embeddingSize, hiddenSize }: EncoderSizes): number {
  return embeddingSize ?? hiddenSize;
}
