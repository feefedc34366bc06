import type { ModelGraph } from '../model-graph.js';
import type { GridSides } from './interpolation.js';
import type { RotaryTables } from './rotary.js';

/**
 * Rotary positions of a grid of patches, as DINOv3 (Siméoni et al. 2025) has them: half of a head's pairs turn by
 * the patch's row, half by its column, both counted from -1 to 1 at the picture's edges. Tokens before the patches
 * do not turn.
 *
 * @param theta ratio of the fastest to the slowest frequency, whose period is `theta` half pictures.
 * @param leading tokens before the patches.
 */
export function gridRotaryTables(
  graph: ModelGraph,
  name: string,
  { rows, columns }: GridSides,
  headSize: number,
  theta: number,
  leading: number,
): RotaryTables {
  const pairs = headSize / 2;
  const perAxis = headSize / 4;
  const table = (of: (angle: number) => number) => () => {
    const values = new Float32Array((leading + rows * columns) * pairs).fill(of(0));
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        [(row + 0.5) / rows, (column + 0.5) / columns].forEach((place, axis) => {
          const start = (leading + row * columns + column) * pairs + axis * perAxis;
          for (let i = 0; i < perAxis; i++)
            values[start + i] = of((2 * Math.PI * (2 * place - 1)) / theta ** (i / perAxis));
        });
    return values;
  };
  const shape = [leading + rows * columns, pairs];
  return {
    cos: graph.floats(`${name}.cos`, shape, table(Math.cos)),
    sin: graph.floats(`${name}.sin`, shape, table(Math.sin)),
    features: headSize,
  };
}
