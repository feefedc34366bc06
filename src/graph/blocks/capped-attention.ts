import { int, ints } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import { pickIntoGrid, SHUT_OUT, wantedRows, type PackedHeads } from './grid-attention.js';
import type { AttentionGrid } from './packed-batch.js';

/**
 * Attention over a grid of a packed batch with scores that are capped, `c · tanh(score / c)` (Gemma 2, Gemma
 * Team 2024), which no operator for attention both ways does: written out in products and a softmax. Padding
 * is shut out behind the cap, which would let it in again.
 *
 * @param packed heads without a further feature, all `[tokens, heads × headSize]`.
 * @param cap `c`.
 * @returns `[rows, heads × headSize]`: the wanted rows.
 */
export function cappedAttention(
  graph: ModelGraph,
  name: string,
  { query, key, value, heads, headSize, scale }: PackedHeads,
  cap: number,
  grid: AttentionGrid,
): Value {
  const apartName = `capped.apart_shape.${headSize}`;
  const apart = graph.shared(apartName, () => graph.constant(apartName, [4], [0, 0, heads, headSize]));
  const number = (key: string, n: number): Value =>
    graph.shared(key, () => graph.constant(key, [], [n], DataType.FLOAT));
  const node = (op: string, part: string, ...inputs: Value[]): Value =>
    graph.node({ op, inputs, name: `${name}.${part}` });
  /** `[grid rows, heads, ...]` of a side, with the given order of its last two axes. */
  const inHeads = (side: string, source: Value, indices: Value, order: number[]): Value =>
    graph.node({
      op: 'Transpose',
      inputs: [
        node('Reshape', `${side}.split`, pickIntoGrid(graph, `${name}.${side}`, source, indices), apart),
      ],
      name: `${name}.${side}.heads`,
      attributes: { perm: ints(order) },
    });
  const products = node(
    'MatMul',
    'scores',
    inHeads('query', query, grid.queries, [0, 2, 1, 3]),
    inHeads('key', key, grid.keys, [0, 2, 3, 1]),
  );
  const share = node('Mul', 'scores.share', products, number(`capped.share.${scale / cap}`, scale / cap));
  const capped = node(
    'Mul',
    'scores.capped',
    node('Tanh', 'scores.tanh', share),
    number(`capped.cap.${cap}`, cap),
  );
  const unpadded = node('Add', 'scores.unpadded', capped, paddingBias(graph, grid));
  const biased = grid.bias === undefined ? unpadded : node('Add', 'scores.biased', unpadded, grid.bias);
  const probabilities = graph.node({
    op: 'Softmax',
    inputs: [biased],
    name: `${name}.probabilities`,
    attributes: { axis: int(-1) },
  });
  const mixed = node('MatMul', 'mixed', probabilities, inHeads('value', value, grid.keys, [0, 2, 1, 3]));
  const attended = graph.node({
    op: 'Transpose',
    inputs: [mixed],
    name: `${name}.attention`,
    attributes: { perm: ints([0, 2, 1, 3]) },
  });
  return wantedRows(graph, name, attended, heads * headSize, grid);
}

/** `[grid rows, 1, 1, keys]`: shuts out padding. */
function paddingBias(graph: ModelGraph, { keys }: AttentionGrid): Value {
  const name = `capped.padding.${keys}`;
  return graph.shared(name, () => {
    const zero = graph.constant(`${name}.first`, [], [0], DataType.INT32);
    const isPadding = graph.node({ op: 'Less', inputs: [keys, zero], name: `${name}.is` });
    const [shut, open] = [SHUT_OUT, 0].map(value =>
      graph.constant(`${name}.${value}`, [], [value], DataType.FLOAT),
    );
    const bias = graph.node({ op: 'Where', inputs: [isPadding, shut!, open!], name: `${name}.flat` });
    const axes = graph.constant(`${name}.axes`, [2], [1, 2]);
    return graph.node({ op: 'Unsqueeze', inputs: [bias, axes], name });
  });
}
