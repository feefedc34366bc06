import type { Activation } from '../../blocks/activation.js';
import { interpolateBicubic } from '../../blocks/interpolation.js';
import { layerNorm } from '../../blocks/layer-norm.js';
import { addLeadingTokens, firstTokens } from '../../blocks/leading-tokens.js';
import { patchEmbedding } from '../../blocks/patch-embedding.js';
import { wholeAttention, type WholeHeads, type WholePositions } from '../../blocks/whole-attention.js';
import type { Residual } from '../../blocks/normalization.js';
import { preNormBlock, type Normalize } from '../../blocks/transformer-block.js';
import type { Value } from '../../onnx/graph-builder.js';
import { concat } from '../../weights/concat.js';
import type { VisionSource } from './architecture.js';
import {
  attentionWeights,
  writeFeedForward,
  type LayerBiases,
  type VisionLayerNames,
} from './layer-weights.js';
import { patchGrid } from './sizes.js';

/** Differences between families of vision transformers that normalise what each half of a layer reads. */
export interface VisionTransformerDesign {
  readonly heads: WholeHeads;
  readonly intermediateSize: number;
  readonly activation: Activation;
  readonly epsilon: number;
  readonly biases?: LayerBiases;
  /** Vectors before the patches: the shape of each weight, of one vector or several. */
  readonly leading: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly patches: { readonly name: string; readonly hasBias: boolean };
  /** Learned positions; undefined: none. */
  readonly positions?: {
    /** Whole name of the table. */
    readonly name: string;
    /** How many of the first leading tokens have a row, too. */
    readonly leading: number;
    /** True if the table has a first dimension of 1. */
    readonly isStacked: boolean;
    /** How the table is fitted to pictures of another size. */
    readonly antialias?: boolean;
  };
  readonly layer: (index: number) => VisionLayerNames;
  /** What changes the scores of a layer's attention. */
  readonly scores?: (index: number) => WholePositions;
  /** Norm before the first layer. */
  readonly firstNorm?: string;
  /** Norm behind the last layer; undefined: none. */
  readonly lastNorm?: string | undefined;
}

/**
 * The body that ViT (Dosovitskiy et al. 2020) and its descendants share: patches and tokens before them, positions,
 * pre-norm layers. Of the last layer only the wanted tokens are computed.
 *
 * @param tokens how many of a picture's first tokens are wanted; undefined: all.
 * @returns `[batch, tokens, hidden]`
 */
export function visionTransformer(
  source: VisionSource,
  design: VisionTransformerDesign,
  tokens: number | undefined,
): Value {
  const { graph, body, sizes } = source;
  const { hiddenSize, layers } = sizes;
  const norm =
    (weightName: string): Normalize =>
    (name, residual) =>
      layerNorm(graph, name, residual, body.norm(weightName, hiddenSize, design.epsilon));

  let residual: Residual = { stream: embedPicture(source, design), update: undefined };
  if (design.firstNorm !== undefined)
    residual = { stream: norm(design.firstNorm)('first_norm', residual).normalized, update: undefined };
  for (let index = 0; index < layers; index++) {
    const name = `layer.${index}`;
    const names = design.layer(index);
    const isNarrowed = tokens !== undefined && index === layers - 1;
    const narrow = (value: Value, what: string, axis = 1): Value =>
      isNarrowed ? firstTokens(graph, `${name}.${what}`, value, tokens, axis) : value;
    const attention = attentionWeights(body, names, hiddenSize, design.biases);
    const scores = design.scores?.(index);
    const bias = scores?.bias && narrow(scores.bias, 'bias', 2);
    residual = preNormBlock(
      name,
      residual,
      {
        attention: x =>
          wholeAttention(graph, name, narrow(x, 'queries'), x, attention, design.heads, {
            ...scores,
            bias,
          }),
        feedForward: x =>
          writeFeedForward(graph, body, `${name}.feed_forward`, x, names, { ...design, hiddenSize }),
      },
      { attention: norm(names.attentionNorm), feedForward: norm(names.feedForwardNorm) },
      stream => narrow(stream, 'wanted'),
    );
  }
  if (design.lastNorm !== undefined) return norm(design.lastNorm)('last_norm', residual).normalized;
  return graph.node({ op: 'Add', inputs: [residual.stream, residual.update!], name: 'last_sum' });
}

/** Patches with their positions, and the tokens before them with theirs. */
function embedPicture(source: VisionSource, design: VisionTransformerDesign): Value {
  const { graph, body, sizes, grid, pixels, normalization } = source;
  const { hiddenSize, patch } = sizes;
  const { positions, patches: names } = design;
  const own = patchGrid(sizes, sizes.picture);
  const withRows = positions?.leading ?? 0;
  const rows = withRows + own.rows * own.columns;
  const table =
    positions &&
    body.weight(positions.name, positions.isStacked ? [1, rows, hiddenSize] : [rows, hiddenSize]);
  const patches = patchEmbedding(
    graph,
    'patches',
    pixels,
    grid,
    {
      projection: body.weight(`${names.name}.weight`, [hiddenSize, 3, patch, patch]),
      bias: names.hasBias ? body.bias(names.name, hiddenSize) : undefined,
      positions:
        table &&
        (async () => {
          const learned = await table.load(withRows * hiddenSize, rows * hiddenSize);
          return interpolateBicubic(learned, own, grid, positions?.antialias ?? false);
        }),
    },
    normalization,
  );
  const leading = design.leading.map(({ name, shape }) => body.weight(name, shape));
  const load = async (): Promise<Float32Array> => {
    const values = concat(await Promise.all(leading.map(vectors => vectors.load())));
    const added = (await table?.load(0, withRows * hiddenSize)) ?? new Float32Array(0);
    return values.map((value, i) => value + (added[i] ?? 0));
  };
  return addLeadingTokens(graph, 'tokens', patches, { count: sizes.leading, load }, hiddenSize);
}
