import type { PatchGrid, PixelNormalization } from '../../blocks/patch-embedding.js';
import type { ModelConfig } from '../../config.js';
import type { ModelGraph } from '../../model-graph.js';
import type { Value } from '../../onnx/graph-builder.js';
import type { ModelWeights } from '../../weights/model-weights.js';

/** What the head of a model of pictures answers: a vector, or logits of labels. */
export type PictureTask = 'image-embedding' | 'image-classification';

/** Sides of a picture, in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** Sizes of an encoder of pictures. */
export interface VisionSizes {
  readonly layers: number;
  /** Features of a token behind the last layer. */
  readonly hiddenSize: number;
  /** Pictures that it was trained on. */
  readonly picture: PictureSize;
  /** Pixels of a patch's side. */
  readonly patch: number;
  /** Pixels of the side of what most layers see as one token: mostly a patch's. */
  readonly tokenSide: number;
  /** Tokens before the patches. */
  readonly leading: number;
  /** True if it takes pictures of other sizes than its own. */
  readonly resizes: boolean;
}

/** The sources of the graph of an encoder of pictures. */
export interface VisionSource {
  readonly graph: ModelGraph;
  /** Of the encoder itself. */
  readonly config: ModelConfig;
  readonly sizes: VisionSizes;
  /** Of the pictures that are to be served. */
  readonly grid: PatchGrid;
  readonly normalization: PixelNormalization;
  /** uint8 `[batch, height, width, 3]` */
  readonly pixels: Value;
  /** Weights of the body, named as in a checkpoint without a head. */
  readonly body: ModelWeights;
  /** All weights, by their full names. */
  readonly weights: ModelWeights;
}

/** A head on the hidden states of pictures. */
export interface VisionHead {
  /** Width of its result. */
  readonly width: number;
  /** How many of a picture's first tokens it reads; undefined: all. */
  readonly tokens: number | undefined;
  /** @param hidden `[batch, tokens, hidden]`, of the tokens that it reads; @returns `[batch, width]` */
  write(source: VisionSource, hidden: Value): Value;
}

/**
 * A family of encoders of pictures. All functions throw KvasirError `invalid_model` where a field or weight is
 * missing or wrong, and `unsupported_model` where config.json asks for what is not there.
 */
export interface VisionArchitecture {
  /** Values of `model_type` in config.json. */
  readonly modelTypes: readonly string[];
  /** Field of config.json with the encoder's own fields, where there is one. */
  readonly section?: string;
  /** Prefix of the body's weights in checkpoints with a head, without the dot. */
  readonly bodyName: string;
  /** Name of a weight that every body has. */
  readonly probe: string;
  sizes(config: ModelConfig): VisionSizes;
  /**
   * Writes the body.
   *
   * @param tokens how many of the first tokens are wanted; undefined: all.
   * @returns `[batch, tokens, hidden]`
   */
  hiddenStates(source: VisionSource, tokens: number | undefined): Value;
  /** A picture's vector: the features that the family's own makers take. */
  embedding(config: ModelConfig): VisionHead;
  /** @param labels how many there are. */
  classifier(config: ModelConfig, labels: number): VisionHead;
}
