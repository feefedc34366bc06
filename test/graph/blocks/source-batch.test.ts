import t from 'tap';
import { sourceBatch } from '#graph/blocks/source-batch.js';
import { ModelGraph } from '#graph/model-graph.js';
import { DataType } from '#graph/onnx/graph-builder.js';
import { Tensor } from '#runtime/index.js';
import { evaluate, longs } from '#test/support/run-graph.js';

t.test('tokens of padded sources stand in one list', async t => {
  const graph = new ModelGraph();
  const batch = sourceBatch(graph);
  for (const name of ['ids', 'positions', 'places'] as const)
    graph.output(batch[name], DataType.INT64, ['tokens']);
  graph.output(batch.grid, DataType.INT64, ['batch', 'length']);
  using ids = longs([7, 8, 9, 5, 99, 99, 3, 4, 99], [3, 3]);
  using lengths = Tensor.fromArray(Int32Array.of(3, 1, 2), [3]);
  const found = await evaluate(t.testdir(), graph, { input_ids: ids, lengths });
  const of = (name: keyof typeof batch) => found[batch[name]]!.values;
  t.strictSame(of('ids'), [7, 8, 9, 5, 3, 4]);
  t.strictSame(of('positions'), [0, 1, 2, 0, 0, 1]);
  t.strictSame(of('places'), [0, 1, 2, 3, 6, 7]);
  t.strictSame(of('grid'), [0, 1, 2, 3, -1, -1, 4, 5, -1]);
});
