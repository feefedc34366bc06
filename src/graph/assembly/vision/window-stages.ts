import type { GridSides } from '../../blocks/interpolation.js';
import { layerLinear } from '../../blocks/layer-linear.js';
import { layerNorm } from '../../blocks/layer-norm.js';
import type { Residual } from '../../blocks/normalization.js';
import { patchEmbedding } from '../../blocks/patch-embedding.js';
import { mergeOrder } from '../../blocks/shifted-windows.js';
import { reorderTokens } from '../../blocks/token-order.js';
import type { Value } from '../../onnx/graph-builder.js';
import { headSizeOf } from '../encoder-architecture.js';
import type { VisionSource } from './architecture.js';
import { windowBlock } from './window-block.js';

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
