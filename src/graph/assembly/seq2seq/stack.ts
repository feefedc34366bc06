import {
  postNormBlock,
  preNormBlock,
  type CrossSublayer,
  type Narrow,
  type Sublayers,
} from '../../blocks/transformer-block.js';
import type { Residual } from '../../blocks/normalization.js';
import type { Value } from '../../onnx/graph-builder.js';
import type { LayerDesign, LayerStack } from './architecture.js';

/** The parts of a layer that differ between encoder and decoder; they return what is added to the stream. */
export interface LayerParts {
  readonly attention: (x: Value) => Value;
  readonly cross?: CrossSublayer;
  /** Default: all rows go on. */
  readonly narrow?: Narrow | undefined;
}

/**
 * Writes a stack's layers and its last norm.
 *
 * @param x what the first layer reads, `[...tokens, hidden]`.
 * @returns hidden states, `[...tokens, hidden]`; of fewer rows where a layer narrows them.
 */
export function writeStack<T extends LayerDesign>(
  { norms, finalNorm }: LayerStack,
  layers: readonly T[],
  x: Value,
  partsOf: (name: string, layer: T, index: number) => LayerParts,
): Value {
  let residual: Residual = { stream: x, update: undefined };
  layers.forEach((layer, index) => {
    const name = `layer.${index}`;
    const { attention, cross, narrow = all } = partsOf(name, layer, index);
    const sublayers: Sublayers = {
      attention,
      feedForward: value => layer.feedForward(`${name}.feed_forward`, value),
    };
    const normalize = { attention: layer.attentionNorm, feedForward: layer.feedForwardNorm };
    residual =
      norms === 'before'
        ? preNormBlock(name, residual, sublayers, normalize, narrow, cross)
        : {
            stream: postNormBlock(name, residual.stream, sublayers, normalize, narrow, cross),
            update: undefined,
          };
  });
  return finalNorm?.('final_norm', residual).normalized ?? residual.stream;
}

function all(stream: Value): Value {
  return stream;
}
