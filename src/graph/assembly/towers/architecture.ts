import type { ModelConfig } from '../../config.js';
import type { Value } from '../../onnx/graph-builder.js';
import type { EncoderSizes, EncoderSource } from '../encoder-architecture.js';
import type { VisionArchitecture, VisionHead } from '../vision/architecture.js';

/** The tower that reads, over packed texts of which the last token's row is listed. */
export interface TextTower {
  /** Fields of `text_config` that its configuration class has by itself. */
  readonly defaults: Readonly<Record<string, unknown>>;
  sizes(config: ModelConfig): EncoderSizes;
  /** Writes the hidden states of the listed rows, `[texts, hidden]`. */
  hiddenStates(source: EncoderSource): Value;
}

/** How a text's tokens are made what a tower takes. */
export type TextPreparation =
  /** The text ends with the token that stands for it; what is behind that is not seen. */
  | 'ended'
  /** Padded to the longest text, and the padding is seen: the last place stands for the text. */
  | 'filled';

/**
 * A family of two towers, one for texts and one for pictures, that lead into one space. Functions throw as those of
 * `VisionArchitecture`.
 */
export interface TowersArchitecture {
  /** Values of `model_type` in config.json. */
  readonly modelTypes: readonly string[];
  readonly vision: VisionArchitecture;
  readonly text: TextTower;
  readonly preparation: TextPreparation;
  /** What the tower of pictures gives to the common space; `whole` is config.json. */
  picture(config: ModelConfig, whole: ModelConfig): VisionHead;
  /** The last layer of the tower of texts, by the name of its weights. */
  textProjection(
    config: ModelConfig,
    whole: ModelConfig,
  ): { readonly name: string; readonly width: number; readonly hasBias: boolean };
  /** What texts and a picture's cosines become scores by; `shape` is that of the weights `logit_scale` and `logit_bias`. */
  readonly similarity: {
    readonly activation: 'softmax' | 'sigmoid';
    readonly shape: readonly number[];
    readonly hasBias: boolean;
    /** Scale of graphs that do not tell theirs; undefined: none can be assumed. */
    readonly usualScale?: number;
  };
}
