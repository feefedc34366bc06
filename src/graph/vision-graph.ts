import { createHash } from 'node:crypto';
import type { VisionArchitecture, VisionHead, PictureSize } from './assembly/vision/architecture.js';
import { patchGrid } from './assembly/vision/sizes.js';
import { CHANNELS, type PixelNormalization } from './blocks/patch-embedding.js';
import type { ModelConfig } from './config.js';
import { encoderFormat, type EncoderPrecision } from './encoder-graph.js';
import { ModelGraph } from './model-graph.js';
import { DataType } from './onnx/graph-builder.js';
import { weightBits } from './quantization/per-channel.js';
import { bodyOf, type ModelWeights } from './weights/model-weights.js';

/** Pictures as a graph gets them. */
export interface ServedPictures {
  /** The one size that it takes. */
  readonly size: PictureSize;
  readonly normalization: PixelNormalization;
}

/** All that the graph of an encoder of pictures depends on but the weights. */
export interface VisionDesign {
  readonly architecture: VisionArchitecture;
  /** The encoder's own fields. */
  readonly config: ModelConfig;
  readonly head: VisionHead;
  readonly pictures: ServedPictures;
}

/**
 * Composes the graph of an encoder of pictures: input `pixel_values`, uint8 `[batch, height, width, 3]`, output
 * `output`, `[batch, width]`.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export function visionGraph(
  { architecture, config, head, pictures }: VisionDesign,
  weights: ModelWeights,
  precision: EncoderPrecision,
): ModelGraph {
  const graph = new ModelGraph(encoderFormat(precision));
  const sizes = architecture.sizes(config);
  const { size, normalization } = pictures;
  const source = {
    graph,
    config,
    sizes,
    grid: patchGrid(sizes, size),
    normalization,
    pixels: graph.input('pixel_values', DataType.UINT8, ['batch', size.height, size.width, CHANNELS]),
    body: bodyOf(weights, architecture.bodyName, architecture.probe),
    weights,
  };
  const value = head.write(source, architecture.hiddenStates(source, head.tokens));
  graph.node({ op: 'Identity', inputs: [value], name: 'output' });
  graph.output('output', DataType.FLOAT, ['batch', head.width]);
  return graph;
}

/**
 * Refuses pictures of a size that the model has no positions for, and those smaller than a patch.
 *
 * @throws KvasirError `invalid_model`
 */
export function requireSize(architecture: VisionArchitecture, config: ModelConfig, size: PictureSize): void {
  const { picture, patch, resizes } = architecture.sizes(config);
  const named = `${size.width}x${size.height} pixels`;
  if (Math.min(size.width, size.height) < patch)
    config.invalid(`pictures of ${named} are smaller than a patch of ${patch}`);
  if (!resizes && (size.width !== picture.width || size.height !== picture.height))
    config.invalid(
      `image_size is ${picture.width}x${picture.height}, but preprocessor_config.json makes pictures of ${named}`,
    );
}

/** What a build's name says of numbers and of what is not in the weights. */
export function visionVariant(kind: string, precision: EncoderPrecision, details: unknown): string {
  const numbers = precision === 'int8' ? `int8-w${weightBits()}` : precision;
  const hash = createHash('sha256').update(JSON.stringify(details)).digest('hex').slice(0, 8);
  return `${kind}-${numbers}-${hash}`;
}
