import type { Activation } from '../blocks/activation.js';
import { ACTIVATIONS } from '../blocks/activation.js';
import type { PackedBatch } from '../blocks/packed-batch.js';
import type { ModelConfig } from '../config.js';
import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { ModelWeights } from '../weights/model-weights.js';

/** Sizes of an encoder. */
export interface EncoderSizes {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly headSize: number;
  readonly intermediateSize: number;
  readonly vocabularySize: number;
  /** Segments that the model tells apart; 1 where it knows none. */
  readonly segments: number;
  /** Longest text that the model was made for. */
  readonly contextLength: number;
  /** In layers with local attention, how far from itself a token sees, in tokens. */
  readonly window?: number;
}

/** What an architecture writes a model from. */
export interface EncoderSource {
  readonly graph: ModelGraph;
  readonly config: ModelConfig;
  readonly sizes: EncoderSizes;
  readonly batch: PackedBatch;
  /** Weights of the body, named as in a checkpoint without a head. */
  readonly body: ModelWeights;
  /** All weights, by their full names. */
  readonly weights: ModelWeights;
}

/**
 * How encoders of one family are written as a graph; its inputs are those of {@link PackedBatch}. All functions throw KvasirError
 * `invalid_model` where a field or weight is missing or wrong, and `unsupported_model` where config.json asks for what is not there.
 */
export interface EncoderArchitecture {
  /** Values of `model_type` in config.json. */
  readonly modelTypes: readonly string[];
  /** What the body's weights are called in checkpoints with a head, before the dot. */
  readonly bodyName: string;
  /** Full name of a weight that every body has. */
  readonly probe: string;
  sizes(config: ModelConfig): EncoderSizes;
  /** Writes the body, and returns the hidden states of the wanted rows, `[rows, hidden]`. */
  hiddenStates(source: EncoderSource): Value;
  /** How a sequence classifier makes one vector of a text. */
  sequencePooling(config: ModelConfig): 'cls' | 'mean' | 'lasttoken';
  /** Logits of texts, from one vector each: `[texts, labels]`. */
  classifySequences(source: EncoderSource, pooled: Value, labels: number): Value;
  /** Logits of tokens: `[rows, labels]`. */
  classifyTokens(source: EncoderSource, hidden: Value, labels: number): Value;
  /** Logits of a span's first and last token: `[rows, 2]`. */
  markSpans(source: EncoderSource, hidden: Value): Value;
  /** Logits of the words that may stand at a position: `[rows, vocabulary]`. */
  fillMasks(source: EncoderSource, hidden: Value): Value;
}

/** An activation that config.json names. */
export function configuredActivation(config: ModelConfig, field: string, fallback?: Activation): Activation {
  return config.choice(field, ACTIVATIONS, fallback);
}

/** Features of a head. */
export function headSizeOf(config: ModelConfig, hiddenSize: number, heads: number): number {
  if (hiddenSize % heads !== 0)
    config.invalid(`a hidden size of ${hiddenSize} is no multiple of ${heads} attention heads`);
  return hiddenSize / heads;
}
