import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { CacheLengths } from './grouped-query-attention.js';
import type { Rows } from './position-table.js';

/**
 * Adds a vector for each token's position, learned (Radford et al. 2018) or sinusoidal.
 *
 * @param x `[...tokens, width]`
 * @param positions `[...tokens]`
 * @param table a row for each position.
 */
export function addPositions(
  graph: ModelGraph,
  name: string,
  x: Value,
  positions: Value,
  table: Rows,
  width: number,
): Value {
  const weight = graph.floats(`${name}.weight`, [table.rows, width], table.load);
  const vectors = graph.node({ op: 'Gather', inputs: [weight, positions], name: `${name}.vectors` });
  return graph.node({ op: 'Add', inputs: [x, vectors], name });
}

/**
 * Positions of a run's tokens, `[batch, sequence]`. Tokens follow what the cache holds: a row's first one
 * stands at its length after the run, less the tokens of the run. Rows that are padded on the right begin at
 * 0.
 *
 * @param ids `[batch, sequence]`
 */
export function positionsInRun(
  graph: ModelGraph,
  name: string,
  ids: Value,
  { lastPositions }: CacheLengths,
): Value {
  const scalar = (what: string, value: number): Value => graph.constant(`${name}.${what}`, [], [value]);
  const [zero, one] = [scalar('zero', 0), scalar('one', 1)];
  const shape = graph.node({ op: 'Shape', inputs: [ids], name: `${name}.shape` });
  const sequence = graph.node({ op: 'Gather', inputs: [shape, one], name: `${name}.sequence` });
  const last = graph.node({
    op: 'Cast',
    inputs: [lastPositions],
    name: `${name}.last`,
    attributes: { to: int(DataType.INT64) },
  });
  const length = graph.node({ op: 'Add', inputs: [last, one], name: `${name}.length` });
  const begin = graph.node({ op: 'Sub', inputs: [length, sequence], name: `${name}.begin` });
  const first = graph.node({ op: 'Max', inputs: [begin, zero], name: `${name}.first` });
  const column = graph.node({
    op: 'Unsqueeze',
    inputs: [first, graph.constant(`${name}.axis`, [1], [1])],
    name: `${name}.column`,
  });
  const steps = graph.node({ op: 'Range', inputs: [zero, sequence, one], name: `${name}.steps` });
  return graph.node({ op: 'Add', inputs: [column, steps], name: `${name}.positions` });
}
