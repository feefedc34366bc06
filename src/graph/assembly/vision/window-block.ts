import { activationOf } from '../../blocks/activation.js';
import type { GridSides } from '../../blocks/interpolation.js';
import { layerNorm } from '../../blocks/layer-norm.js';
import { forEveryPicture } from '../../blocks/leading-tokens.js';
import type { Residual } from '../../blocks/normalization.js';
import { wholeAttention, type WholeHeads } from '../../blocks/whole-attention.js';
import {
  placesInWindows,
  shiftMask,
  windowCount,
  windowOrder,
  type Windows,
} from '../../blocks/shifted-windows.js';
import { reorderTokens } from '../../blocks/token-order.js';
import { preNormBlock, type Normalize } from '../../blocks/transformer-block.js';
import { windowPositionBias } from '../../blocks/window-position-bias.js';
import type { Value } from '../../onnx/graph-builder.js';
import type { VisionSource } from './architecture.js';
import { attentionWeights, writeFeedForward, type VisionLayerNames } from './layer-weights.js';

/** A layer whose tokens attend to those of their window. */
export interface WindowBlock {
  /** Features of a token. */
  readonly width: number;
  readonly heads: WholeHeads;
  readonly epsilon: number;
  readonly grid: GridSides;
  readonly windows: Windows;
}

/**
 * A layer of Swin (Liu et al. 2021): the grid's tokens are put window by window, attend, and are put back.
 *
 * @param name of the layer, in the graph and in the weights.
 */
export function windowBlock(
  source: VisionSource,
  name: string,
  residual: Residual,
  block: WindowBlock,
): Residual {
  const { graph, config, body } = source;
  const { width, heads, epsilon, grid, windows } = block;
  const names = windowLayer(name);
  const norm =
    (weightName: string): Normalize =>
    (at, value) =>
      layerNorm(graph, at, value, body.norm(weightName, width, epsilon));
  const places = windows.size ** 2;
  const hasBias = config.flag('qkv_bias', true);
  const weights = attentionWeights(body, names, width, { query: hasBias, key: hasBias, value: hasBias });
  const reshape = (what: string, value: Value, tokens: number): Value =>
    graph.node({
      op: 'Reshape',
      inputs: [value, graph.constant(`${name}.${what}_shape`, [3], [-1, tokens, width])],
      name: `${name}.${what}`,
    });
  const shape = {
    hiddenSize: width,
    intermediateSize: Math.trunc(config.positive('mlp_ratio', 4) * width),
    activation: activationOf(config, 'hidden_act', 'gelu'),
  };
  return preNormBlock(
    name,
    residual,
    {
      attention: x => {
        const ordered = reorderTokens(graph, `${name}.ordered`, x, windowOrder(grid, windows));
        const inWindows = reshape('windows', ordered, places);
        const bias = windowBias(source, name, x, block);
        const attended = wholeAttention(graph, name, inWindows, inWindows, weights, heads, { bias });
        const joined = reshape('joined', attended, windowCount(grid, windows) * places);
        return reorderTokens(graph, `${name}.back`, joined, placesInWindows(grid, windows));
      },
      feedForward: x => writeFeedForward(graph, body, `${name}.feed_forward`, x, names, shape),
    },
    { attention: norm(names.attentionNorm), feedForward: norm(names.feedForwardNorm) },
    stream => stream,
  );
}

/**
 * What is added to scores: a bias for each distance, and in shifted windows a mask, which is not the same for all
 * windows of a picture.
 *
 * @param x any value whose first dimension is the batch.
 * @returns `[1 or all pictures' windows, heads, places, places]`
 */
function windowBias(
  { graph, body }: VisionSource,
  name: string,
  x: Value,
  { heads: { heads }, grid, windows }: WindowBlock,
): Value {
  const { size, shift } = windows;
  const places = size ** 2;
  const count = windowCount(grid, windows);
  const at = `${name}.attention.self.relative_position_bias_table`;
  const table = body.weight(at, [(2 * size - 1) ** 2, heads]);
  const positions = windowPositionBias(graph, at, table, { rows: size, columns: size }, false);
  if (shift === 0) return positions;
  const mask = graph.floats(`${name}.shift_mask`, [1, count, 1, places, places], () =>
    shiftMask(grid, windows),
  );
  const masked = graph.node({ op: 'Add', inputs: [positions, mask], name: `${name}.masked` });
  const repeated = forEveryPicture(graph, `${name}.masks`, x, masked, [count, heads, places, places]);
  return graph.node({
    op: 'Reshape',
    inputs: [repeated, graph.constant(`${name}.bias_shape`, [4], [-1, heads, places, places])],
    name: `${name}.bias`,
  });
}

function windowLayer(prefix: string): VisionLayerNames {
  return {
    query: `${prefix}.attention.self.query`,
    key: `${prefix}.attention.self.key`,
    value: `${prefix}.attention.self.value`,
    output: `${prefix}.attention.output.dense`,
    attentionNorm: `${prefix}.layernorm_before`,
    feedForwardNorm: `${prefix}.layernorm_after`,
    up: `${prefix}.intermediate.dense`,
    down: `${prefix}.output.dense`,
  };
}
