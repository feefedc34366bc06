import { KvasirError } from '#errors.js';
import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, NONE, type Value } from '../onnx/graph-builder.js';
import {
  operatorRotary,
  paddedHeadSize,
  projectHeads,
  projectOutput,
  splitHeads,
  type AttentionOptions,
  type PackedAttentionWeights,
  type ProjectedAttention,
} from './attention-projections.js';
import { cappedAttention } from './capped-attention.js';
import { gridAttention, QUERY_MARK } from './grid-attention.js';
import type { PackedBatch } from './packed-batch.js';
import { rotateHeads } from './packed-rotary.js';

/**
 * Grouped-query attention (Ainslie et al. 2023) over whole texts in which a token sees those behind it, too:
 * for decoders that were trained so (LLM2Vec, BehnamGhader et al. 2024; EmbeddingGemma, Schechter Vera et al.
 * 2025). Keys and values are repeated for the query heads that share them.
 *
 * @param x `[tokens, hidden]`
 * @param isNarrowed whether only the listed rows are wanted.
 * @returns `[tokens, hidden]`, or `[rows, hidden]`
 * @throws KvasirError `unsupported_model` where the attention has sinks
 */
export function bidirectionalAttention(
  graph: ModelGraph,
  name: string,
  x: Value,
  weights: PackedAttentionWeights | ProjectedAttention,
  options: AttentionOptions,
  batch: PackedBatch,
  isNarrowed: boolean,
): Value {
  if (options.sinks !== undefined)
    throw new KvasirError(
      'unsupported_model',
      'attention sinks are known only where no token sees those behind it',
    );
  const { heads, kvHeads, headSize, window, softCap, scale = 1 / Math.sqrt(headSize) } = options;
  const rotary = operatorRotary(options);
  const padded = paddedHeadSize(headSize);
  const projected = projectHeads(graph, name, x, weights, options, [-1]);
  const [query, key, value] =
    projected[1] === NONE ? splitHeads(graph, name, projected[0], options) : projected;
  const turn = (side: string, part: Value, count: number): Value =>
    rotary === undefined
      ? part
      : rotateHeads(graph, `${name}.${side}.rotary`, part, count, rotary.features, {
          tables: rotary,
          batch,
        });
  const arrange = (side: string, part: Value, count: number, mark?: number): Value =>
    arrangeHeads(graph, `${name}.${side}`, part, { count, heads, size: padded, mark });

  const bias = batch.keyBias(options.keyBias);
  const grid = window === undefined ? batch.global(isNarrowed, bias) : batch.local(isNarrowed);
  const [turnedQuery, turnedKey] = [turn('query', query, heads), turn('key', key, kvHeads)];
  const shape = { heads, headSize: padded, scale };
  const attended =
    softCap === undefined
      ? gridAttention(
          graph,
          name,
          {
            query: arrange('query', turnedQuery, heads, QUERY_MARK),
            key: arrange('key', turnedKey, kvHeads, 0),
            value: arrange('value', value, kvHeads),
            ...shape,
          },
          grid,
        )
      : cappedAttention(
          graph,
          name,
          {
            query: turnedQuery,
            key: arrange('key', turnedKey, kvHeads),
            value: arrange('value', value, kvHeads),
            ...shape,
          },
          softCap,
          grid,
        );
  return projectOutput(graph, name, attended, weights, options);
}

interface Arrangement {
  /** Heads that are there. */
  readonly count: number;
  /** Heads that are wanted: a multiple. */
  readonly heads: number;
  /** Features of a head. */
  readonly size: number;
  /** What each head gets as a further feature; undefined: none. */
  readonly mark: number | undefined;
}

/** Repeats each head for those that share it, and adds a feature to each. */
export function arrangeHeads(
  graph: ModelGraph,
  name: string,
  x: Value,
  { count, heads, size, mark }: Arrangement,
): Value {
  if (count === heads && mark === undefined) return x;
  const constant = (key: string, dims: number[], values: number[], type?: DataType.FLOAT): Value =>
    graph.shared(key, () => graph.constant(key, dims, values, type));
  const apart = constant(`heads.apart_shape.${count}.${size}`, [3], [-1, count, size]);
  let result = graph.node({ op: 'Reshape', inputs: [x, apart], name: `${name}.apart` });
  if (count < heads) {
    const shared = Array.from({ length: heads }, (_, head) => Math.floor((head * count) / heads));
    result = graph.node({
      op: 'Gather',
      inputs: [result, constant(`heads.shared.${count}`, [heads], shared)],
      name: `${name}.repeated`,
      attributes: { axis: int(1) },
    });
  }
  if (mark !== undefined) {
    const pads = constant('heads.pads', [6], [0, 0, 0, 0, 0, 1]);
    const value = constant(`heads.mark.${mark}`, [], [mark], DataType.FLOAT);
    result = graph.node({ op: 'Pad', inputs: [result, pads, value], name: `${name}.marked` });
  }
  const width = heads * (mark === undefined ? size : size + 1);
  const together = constant(`heads.together_shape.${width}`, [2], [-1, width]);
  return graph.node({ op: 'Reshape', inputs: [result, together], name: `${name}.together` });
}
