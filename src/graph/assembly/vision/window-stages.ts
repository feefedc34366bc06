import { activationOf } from '../../blocks/activation.js';
import type { GridSides } from '../../blocks/interpolation.js';
import { layerLinear } from '../../blocks/layer-linear.js';
import { layerNorm } from '../../blocks/layer-norm.js';
import { forEveryPicture } from '../../blocks/leading-tokens.js';
import type { Residual } from '../../blocks/normalization.js';
import { patchEmbedding } from '../../blocks/patch-embedding.js';
import { pictureAttention, type PictureHeads } from '../../blocks/picture-attention.js';
import {
  mergeOrder,
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
import { headSizeOf } from '../encoder-architecture.js';
import type { VisionSource } from './architecture.js';
import { attentionWeights, writeFeedForward, type VisionLayerNames } from './layer-weights.js';

/** PyTorch's own, which the norms of embeddings and merges have whatever config.json says. */
const PLAIN_EPSILON = 1e-5;

/** Stages of layers between which a grid of tokens shrinks. */
export interface WindowStagesDesign {
  /** Features of a token in the first stage; each stage has twice as many. */
  readonly firstSize: number;
  readonly stages: readonly { readonly depth: number; readonly heads: number }[];
  /** Side of a window, in tokens. */
  readonly window: number;
}

/**
 * The body of Swin (Liu et al. 2021): stages of pre-norm layers with attention in windows, every second one shifted
 * by half a window, four neighbours merged between stages.
 *
 * @returns `[batch, tokens of the last stage, hidden]`
 */
export function windowStages(source: VisionSource, design: WindowStagesDesign): Value {
  const { graph, config, body, sizes } = source;
  const epsilon = config.positive('layer_norm_eps', 1e-5);
  let x = embedPatches(source, design.firstSize);
  let grid: GridSides = source.grid;
  design.stages.forEach(({ depth, heads }, stage) => {
    const width = design.firstSize * 2 ** stage;
    const last = stage === design.stages.length - 1;
    const side = Math.min(grid.rows, grid.columns);
    if (side < design.window)
      config.unsupported(`windows of ${design.window} tokens in a stage of ${grid.rows}x${grid.columns}`);
    let residual: Residual = { stream: x, update: undefined };
    for (let block = 0; block < depth; block++) {
      const shift = block % 2 === 0 || side === design.window ? 0 : Math.floor(design.window / 2);
      residual = windowBlock(source, `encoder.layers.${stage}.blocks.${block}`, residual, {
        width,
        heads: { heads, headSize: headSizeOf(config, width, heads) },
        epsilon,
        grid,
        windows: { size: design.window, shift },
      });
    }
    if (last) {
      x = layerNorm(
        graph,
        'last_norm',
        residual,
        body.norm('layernorm', sizes.hiddenSize, epsilon),
      ).normalized;
      return;
    }
    const sum = graph.node({
      op: 'Add',
      inputs: [residual.stream, residual.update!],
      name: `stage.${stage}.sum`,
    });
    x = mergePatches(source, `encoder.layers.${stage}.downsample`, sum, grid, width);
    grid = { rows: Math.ceil(grid.rows / 2), columns: Math.ceil(grid.columns / 2) };
  });
  return x;
}

/** Patches, normalised, with learned positions where the model has some. */
function embedPatches(
  { graph, config, body, sizes, grid, pixels, normalization }: VisionSource,
  width: number,
): Value {
  const { patch } = sizes;
  const name = 'embeddings.patch_embeddings.projection';
  const patches = patchEmbedding(
    graph,
    'patches',
    pixels,
    grid,
    {
      projection: body.weight(`${name}.weight`, [width, 3, patch, patch]),
      bias: body.bias(name, width),
      positions: undefined,
    },
    normalization,
  );
  const norm = body.norm('embeddings.norm', width, PLAIN_EPSILON);
  const x = layerNorm(graph, 'patches_norm', { stream: patches, update: undefined }, norm).normalized;
  if (!config.flag('use_absolute_embeddings', false)) return x;
  const table = body.weight('embeddings.position_embeddings', [1, grid.rows * grid.columns, width]);
  const positions = graph.floats('positions', table.shape, () => table.load());
  return graph.node({ op: 'Add', inputs: [x, positions], name: 'placed' });
}

interface WindowBlock {
  readonly width: number;
  readonly heads: PictureHeads;
  readonly epsilon: number;
  readonly grid: GridSides;
  readonly windows: Windows;
}

function windowBlock(
  { graph, config, body }: VisionSource,
  name: string,
  residual: Residual,
  { width, heads, epsilon, grid, windows }: WindowBlock,
): Residual {
  const names = windowLayer(name);
  const norm =
    (weightName: string): Normalize =>
    (at, value) =>
      layerNorm(graph, at, value, body.norm(weightName, width, epsilon));
  const places = windows.size ** 2;
  const count = windowCount(grid, windows);
  const hasBias = config.flag('qkv_bias', true);
  const weights = attentionWeights(body, names, width, { query: hasBias, key: hasBias, value: hasBias });
  const reshape = (what: string, value: Value, tokens: number): Value =>
    graph.node({
      op: 'Reshape',
      inputs: [value, graph.constant(`${name}.${what}_shape`, [3], [-1, tokens, width])],
      name: `${name}.${what}`,
    });
  return preNormBlock(
    name,
    residual,
    {
      attention: x => {
        const ordered = reorderTokens(graph, `${name}.ordered`, x, windowOrder(grid, windows));
        const inWindows = reshape('windows', ordered, places);
        const bias = windowBias();
        const attended = pictureAttention(graph, name, inWindows, inWindows, weights, heads, { bias });
        const joined = reshape('joined', attended, count * places);
        return reorderTokens(graph, `${name}.back`, joined, placesInWindows(grid, windows));

        function windowBias(): Value {
          const sides = { rows: windows.size, columns: windows.size };
          const distances = (2 * windows.size - 1) ** 2;
          const at = `${name}.attention.self.relative_position_bias_table`;
          const table = body.weight(at, [distances, heads.heads]);
          const positions = windowPositionBias(graph, at, table, sides, false);
          if (windows.shift === 0) return positions;
          const mask = graph.floats(`${name}.shift_mask`, [1, count, 1, places, places], () =>
            shiftMask(grid, windows),
          );
          const masked = graph.node({ op: 'Add', inputs: [positions, mask], name: `${name}.masked` });
          const shape = [count, heads.heads, places, places];
          const repeated = forEveryPicture(graph, `${name}.masks`, x, masked, shape);
          return graph.node({
            op: 'Reshape',
            inputs: [repeated, graph.constant(`${name}.bias_shape`, [4], [-1, ...shape.slice(1)])],
            name: `${name}.bias`,
          });
        }
      },
      feedForward: x =>
        writeFeedForward(graph, body, `${name}.feed_forward`, x, names, {
          hiddenSize: width,
          intermediateSize: Math.trunc(config.positive('mlp_ratio', 4) * width),
          activation: activationOf(config, 'hidden_act', 'gelu'),
        }),
    },
    { attention: norm(names.attentionNorm), feedForward: norm(names.feedForwardNorm) },
    stream => stream,
  );
}

/** Four neighbours become one token of twice the features. */
function mergePatches(
  { graph, body }: VisionSource,
  name: string,
  x: Value,
  grid: GridSides,
  width: number,
): Value {
  const ordered = reorderTokens(graph, `${name}.ordered`, x, mergeOrder(grid));
  const four = graph.node({
    op: 'Reshape',
    inputs: [ordered, graph.constant(`${name}.shape`, [3], [0, -1, 4 * width])],
    name: `${name}.four`,
  });
  const norm = body.norm(`${name}.norm`, 4 * width, PLAIN_EPSILON);
  const { normalized } = layerNorm(graph, `${name}.norm`, { stream: four, update: undefined }, norm);
  return layerLinear(graph, name, normalized, body.matrix(`${name}.reduction`, 2 * width, 4 * width));
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
