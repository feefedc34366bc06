import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';

/**
 * Sources that an encoder reads: rows padded on the right, whose tokens stand in one list without padding for
 * all that works on one token at a time, as in a `PackedBatch`. No number depends on what padding holds.
 */
export interface SourceBatch {
  /** int64 `[tokens]` */
  readonly ids: Value;
  /** Position of each token in its source, from 0: int64 `[tokens]`. */
  readonly positions: Value;
  /** Where each position's token stands in the list: int64 `[batch, length]`; -1 is padding. */
  readonly grid: Value;
  /** Where each token stands in the flattened grid: int64 `[tokens]`. */
  readonly places: Value;
}

/** Declares the inputs `input_ids` (int64 `[batch, length]`) and `lengths` (int32 `[batch]`, at least 1). */
export function sourceBatch(graph: ModelGraph): SourceBatch {
  const padded = graph.input('input_ids', DataType.INT64, ['batch', 'length']);
  const lengths = graph.input('lengths', DataType.INT32, ['batch']);
  const scalar = (name: string, value: number): Value => graph.constant(`source.${name}`, [], [value]);
  const [zero, one] = [scalar('zero', 0), scalar('one', 1)];
  const flat = graph.constant('source.flat', [1], [-1]);
  const reshape = (name: string, x: Value, shape: Value): Value =>
    graph.node({ op: 'Reshape', inputs: [x, shape], name: `source.${name}` });

  const shape = graph.node({ op: 'Shape', inputs: [padded], name: 'source.shape' });
  const length = graph.node({ op: 'Gather', inputs: [shape, one], name: 'source.length' });
  const steps = graph.node({ op: 'Range', inputs: [zero, length, one], name: 'source.steps' });
  const ends = graph.node({
    op: 'Cast',
    inputs: [reshape('column', lengths, graph.constant('source.column_shape', [2], [-1, 1]))],
    name: 'source.ends',
    attributes: { to: int(DataType.INT64) },
  });
  const isToken = reshape(
    'is_token',
    graph.node({ op: 'Less', inputs: [steps, ends], name: 'source.mask' }),
    flat,
  );
  const found = graph.node({ op: 'NonZero', inputs: [isToken], name: 'source.found' });
  const places = reshape('places', found, flat);
  const ids = graph.node({
    op: 'Gather',
    inputs: [reshape('flat_ids', padded, flat), places],
    name: 'source.ids',
  });
  const positions = graph.node({ op: 'Mod', inputs: [places, length], name: 'source.positions' });

  const counted = graph.node({
    op: 'CumSum',
    inputs: [
      graph.node({
        op: 'Cast',
        inputs: [isToken],
        name: 'source.ones',
        attributes: { to: int(DataType.INT64) },
      }),
      zero,
    ],
    name: 'source.counted',
  });
  const ranks = graph.node({ op: 'Sub', inputs: [counted, one], name: 'source.ranks' });
  const indices = graph.node({
    op: 'Where',
    inputs: [isToken, ranks, scalar('padding', -1)],
    name: 'source.indices',
  });
  return { ids, positions, grid: reshape('grid', indices, shape), places };
}
