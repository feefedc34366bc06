import type { AttentionWeights } from '../../blocks/attention-projections.js';
import type { RelativePositions } from '../../blocks/relative-position-bias.js';
import type { RotaryTables } from '../../blocks/rotary.js';
import type { Normalize } from '../../blocks/transformer-block.js';
import type { ModelConfig } from '../../config.js';
import type { ModelGraph } from '../../model-graph.js';
import type { Value } from '../../onnx/graph-builder.js';
import type { Weight } from '../../weights/checkpoint.js';
import type { ModelWeights, Vector } from '../../weights/model-weights.js';
import type { SoundShape, WaveformShape } from './sound-shape.js';

/** Sizes of an encoder-decoder. */
export interface Seq2SeqSizes {
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly hiddenSize: number;
  /** Attention heads of the decoder, towards itself and towards the source. */
  readonly heads: number;
  /** Features of such a head, as the model has them. */
  readonly headSize: number;
  /** Tokens that the decoder knows. */
  readonly vocabularySize: number;
  /** Tokens that the encoder knows; 0 where it hears. */
  readonly sourceVocabularySize: number;
  /** Longest source, in tokens; of one that hears, the positions of each. */
  readonly sourceLength: number;
  /** Of an encoder that hears: what it reads in place of tokens. */
  readonly sound?: SoundShape | WaveformShape | undefined;
  /** Longest target, what the decoder begins with included. */
  readonly contextLength: number;
}

/** The sources of an encoder-decoder's graphs. */
export interface Seq2SeqSource {
  readonly graph: ModelGraph;
  readonly config: ModelConfig;
  readonly weights: ModelWeights;
  readonly sizes: Seq2SeqSizes;
}

/**
 * A family of encoder-decoders (Sutskever et al. 2014; Vaswani et al. 2017): a table of what sets it apart.
 * All functions throw KvasirError `invalid_model` where a field or weight is missing or wrong, and
 * `unsupported_model` where config.json asks for what is not there.
 *
 * @typeParam E what its encoder reads.
 */
export interface Seq2SeqArchitecture<E extends LayerStack = TokenStack | SoundStack> {
  /** Values of `model_type` in config.json. */
  readonly modelTypes: readonly string[];
  /**
   * @param asked the context that is to be served: it is the longest source and target where nothing in the
   * model limits them.
   */
  sizes(config: ModelConfig, asked?: number): Seq2SeqSizes;
  encoder(source: Seq2SeqSource): E;
  decoder(source: Seq2SeqSource): DecoderStackDesign;
}

/** A stack of layers, of the encoder or of the decoder. */
export interface LayerStack {
  readonly heads: number;
  readonly headSize: number;
  /** Factor of attention scores; default `1 / sqrt(headSize)`. */
  readonly scale?: number | undefined;
  /** Whether layers normalise what each part reads, or each sum (Xiong et al. 2020). */
  readonly norms: 'before' | 'after';
  readonly layers: readonly LayerDesign[];
  /** Behind the last layer. */
  readonly finalNorm?: Normalize | undefined;
}

/** A stack that reads tokens. */
export interface TokenStack extends LayerStack {
  /** Token embeddings, `[vocabulary, hidden]`. */
  readonly words: Weight;
  /**
   * Makes what the first layer reads.
   *
   * @param embedded the tokens' rows of the embeddings, `[...tokens, hidden]`.
   * @param positions positions of the tokens, from 0, `[...tokens]`.
   */
  readonly afterEmbedding?: (embedded: Value, positions: () => Value) => Value;
}

/** A stack that reads sound: windows that are whole, or samples. */
export interface SoundStack extends LayerStack {
  /** Turns queries and keys, whose features stand in the tables' order; default: nothing does. */
  readonly rotary?: RotaryTables | undefined;
  /**
   * Makes what the first layer reads, `[batch, positions, hidden]`.
   *
   * @param features `[batch, bins, frames]`; of samples, `[batch, 1, samples]`.
   */
  readonly afterFeatures: (features: Value) => Value;
}

/** The decoder's stack, and what makes logits of it. */
export interface DecoderStackDesign extends TokenStack {
  readonly layers: readonly DecoderLayerDesign[];
  /** The projection onto the vocabulary, `[vocabulary, hidden]`; may be {@link TokenStack.words}. */
  readonly output: Weight;
  /** Added to the logits. */
  readonly outputBias?: Vector | undefined;
  /** Rotary positions of its own tokens; default: none. They are written when this is called. */
  readonly rotary?: (() => RotaryTables) | undefined;
}

/** A layer's weights and parts. */
export interface LayerDesign {
  readonly attention: AttentionWeights;
  /** Bias on the scores of {@link attention} by distance. */
  readonly relativePositions?: NamedRelativePositions | undefined;
  /** @param name of the first node. */
  readonly feedForward: (name: string, x: Value) => Value;
  readonly attentionNorm: Normalize;
  readonly feedForwardNorm: Normalize;
}

/** Relative positions, by a name that layers have in common where they share them. */
export interface NamedRelativePositions extends RelativePositions {
  readonly name: string;
}

/** A layer that attends to a source, too. */
export interface DecoderLayerDesign extends LayerDesign {
  readonly crossAttention: AttentionWeights;
  readonly crossAttentionNorm: Normalize;
}
