import type { ModelGraph } from '../model-graph.js';
import { int } from '../onnx/attributes.js';
import { DataType, NONE, type Value } from '../onnx/graph-builder.js';
import {
  attendOverCache,
  paddedHeadSize,
  projectHeads,
  projectOutput,
  type AttentionOptions,
  type PackedAttentionWeights,
  type ProjectedAttention,
} from './attention-projections.js';
import { cacheLengths, changesOfScores, type CacheLengths } from './grouped-query-attention.js';
import { keyBias } from './key-bias.js';

/**
 * Inputs that all attention layers of a mixed run share. Its tokens stand in one list: first those of the
 * rows that decode, one each, then those of the prompts, row after row, each padded on the right to the
 * longest. There may be none of either.
 */
export interface MixedBatch {
  /** int64 `[2]`: tokens of rows that decode, and of prompts. */
  readonly parts: Value;
  /** int64 `[2]`: prompts, and tokens of the longest. */
  readonly promptShape: Value;
  readonly decode: CacheLengths;
  readonly prompt: CacheLengths;
}

/** Names of inputs and outputs that belong to prompts begin with it. */
export const PROMPT_PART = 'prompt_';

/** Declares the inputs of {@link MixedBatch}. */
export function mixedBatch(graph: ModelGraph): MixedBatch {
  return {
    parts: graph.input('parts', DataType.INT64, [2]),
    promptShape: graph.input('prompt_shape', DataType.INT64, [2]),
    decode: cacheLengths(graph),
    prompt: cacheLengths(graph, PROMPT_PART),
  };
}

/**
 * Causal grouped-query attention like {@link groupedQueryAttention}, in two nodes that share all products:
 * one for the rows that decode, over the caches `past.N` and `present.N`, and one for the prompts, over
 * `prompt_past.N` and `prompt_present.N`. Each fills its own in place, `[batch, kvHeads, cache, head]`.
 *
 * Operator: com.microsoft.GroupQueryAttention.
 *
 * @param x `[tokens, 1, hidden]`
 */
export function mixedAttention(
  graph: ModelGraph,
  name: string,
  layer: number,
  x: Value,
  weights: PackedAttentionWeights | ProjectedAttention,
  options: AttentionOptions,
  batch: MixedBatch,
): Value {
  const { heads, kvHeads, headSize } = options;
  const padded = paddedHeadSize(headSize);
  const biasOf = (part: string, queries: () => Value, longest: Value): Value | undefined =>
    options.keyBias === undefined
      ? undefined
      : keyBias(graph, `${part}in_run`, options.keyBias, queries(), longest);
  const attend = (
    part: string,
    projected: readonly Value[],
    { lastPositions, longest }: CacheLengths,
    queries: () => Value,
  ): Value =>
    attendOverCache(graph, name, layer, {
      op: 'GroupQueryAttention',
      part,
      cacheShape: [`${part}batch`, kvHeads, 'cache', padded],
      projected,
      others: [
        lastPositions,
        longest,
        ...changesOfScores(graph, name, options, biasOf(part, queries, longest)),
      ],
      options,
    });

  const projected = projectHeads(graph, name, x, weights, options, [0, -1]);
  const apart = projected.map((value, i) =>
    value === NONE ? [NONE, NONE] : split(graph, `${name}.parts.${i}`, value, batch),
  );
  const decoded = attend(
    '',
    apart.map(([first]) => first!),
    batch.decode,
    () => graph.shared('one_query', () => graph.constant('one_query', [1], [1])),
  );
  const widths = projected[1] === NONE ? [heads + 2 * kvHeads] : [heads, kvHeads, kvHeads];
  const rows = apart.map(([, second], i) =>
    second === NONE ? NONE : asRows(graph, `${name}.prompt_rows.${i}`, second!, widths[i]! * padded, batch),
  );
  const prompts = attend(PROMPT_PART, rows, batch.prompt, () => promptLength(graph, batch));
  const flat = graph.node({
    op: 'Reshape',
    inputs: [prompts, tokensShape(graph, heads * padded)],
    name: `${name}.prompt_tokens`,
  });
  const attended = graph.node({
    op: 'Concat',
    inputs: [decoded, flat],
    name: `${name}.together`,
    attributes: { axis: int(0) },
  });
  return projectOutput(graph, name, attended, weights, options);
}

/** Tokens of rows that decode, and of prompts. */
function split(graph: ModelGraph, name: string, x: Value, { parts }: MixedBatch): [Value, Value] {
  const outputs: [Value, Value] = [`${name}.decode`, `${name}.prompt`];
  graph.node({ op: 'Split', inputs: [x, parts], name, outputs, attributes: { axis: int(0) } });
  return outputs;
}

/** `[prompts × longest, 1, width]` becomes `[prompts, longest, width]`. */
function asRows(
  graph: ModelGraph,
  name: string,
  x: Value,
  width: number,
  { promptShape }: MixedBatch,
): Value {
  const shape = graph.shared(`prompt_shape.${width}`, () =>
    graph.node({
      op: 'Concat',
      inputs: [promptShape, graph.constant(`prompt_shape.${width}.width`, [1], [width])],
      name: `prompt_shape.${width}`,
      attributes: { axis: int(0) },
    }),
  );
  return graph.node({ op: 'Reshape', inputs: [x, shape], name });
}

/** int64 `[1]`: tokens of the longest prompt. */
function promptLength(graph: ModelGraph, { promptShape }: MixedBatch): Value {
  return graph.shared('prompt_length', () => {
    const second = graph.constant('prompt_length.place', [1], [1]);
    return graph.node({ op: 'Gather', inputs: [promptShape, second], name: 'prompt_length' });
  });
}

function tokensShape(graph: ModelGraph, width: number): Value {
  const name = `tokens_shape.${width}`;
  return graph.shared(name, () => graph.constant(name, [3], [-1, 1, width]));
}
