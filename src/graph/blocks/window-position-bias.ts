import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';
import { transpose } from '../weights/transpose.js';
import type { GridSides } from './interpolation.js';

/**
 * Row of a table of biases for each pair of places in a window (Swin, Liu et al. 2021): a row for each distance of
 * rows and columns, `[places, places]`, queries first.
 *
 * @param withClass true for BEiT (Bao et al. 2021), where a class token comes first, with three more rows: of what
 * it sees, of those that see it, and of itself.
 */
export function windowPositionRows({ rows, columns }: GridSides, withClass: boolean): Int32Array {
  const first = withClass ? 1 : 0;
  const places = first + rows * columns;
  const distances = (2 * rows - 1) * (2 * columns - 1);
  const result = new Int32Array(places * places);
  const place = (token: number): readonly [number, number] => [
    Math.floor((token - first) / columns),
    (token - first) % columns,
  ];
  for (let query = first; query < places; query++)
    for (let key = first; key < places; key++) {
      const [queryRow, queryColumn] = place(query);
      const [keyRow, keyColumn] = place(key);
      result[query * places + key] =
        (queryRow - keyRow + rows - 1) * (2 * columns - 1) + (queryColumn - keyColumn + columns - 1);
    }
  if (withClass) {
    for (let token = 1; token < places; token++) {
      result[token] = distances;
      result[token * places] = distances + 1;
    }
    result[0] = distances + 2;
  }
  return result;
}

/**
 * A bias for each head and pair of places, from a learned table.
 *
 * @param table `[distances, heads]`
 * @returns `[1, heads, places, places]`
 */
export function windowPositionBias(
  graph: ModelGraph,
  name: string,
  table: Weight,
  window: GridSides,
  withClass: boolean,
): Value {
  const [distances, heads] = table.shape as [number, number];
  const { rows, columns } = window;
  const key = `window_positions.${rows}x${columns}`;
  const index = graph.shared(key, () => {
    const places = rows * columns + (withClass ? 1 : 0);
    return graph.initializer(key, DataType.INT32, [places, places], () =>
      windowPositionRows(window, withClass),
    );
  });
  const byHead = graph.floats(`${name}.table`, [1, heads, distances], async () =>
    transpose(await table.load(), distances, heads),
  );
  return graph.node({ op: 'Gather', inputs: [byHead, index], name, attributes: { axis: int(2) } });
}
