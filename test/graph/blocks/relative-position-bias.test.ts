import t from 'tap';
import { relativePositionBias } from '#graph/blocks/relative-position-bias.js';
import { ModelGraph } from '#graph/model-graph.js';
import { DataType } from '#graph/onnx/graph-builder.js';
import { Tensor } from '#runtime/index.js';
import { mpnetBucket } from '#test/reference/encoder.js';
import { evaluate } from '#test/support/run-graph.js';

t.test('buckets of MPNet', async t => {
  const [buckets, length] = [32, 1001];
  const graph = new ModelGraph();
  const numbers = {
    name: 'numbers',
    shape: [buckets, 1],
    load: async () => Float32Array.from({ length: buckets }, (_, bucket) => bucket),
  };
  const grid = graph.input('grid', DataType.INT32, ['texts', 'longest']);
  relativePositionBias(graph, 'bias', { weight: numbers, maxDistance: 128 }, grid);
  graph.output('bias', DataType.FLOAT, [1, 1, 'longest', 'longest']);
  using wanted = Tensor.fromArray(new Int32Array(length), [1, length]);
  const { bias } = await evaluate(t.testdir(), graph, { grid: wanted });
  t.strictSame(bias!.shape, [1, 1, length, length]);
  const bucketOf = (distance: number): number => {
    const query = distance < 0 ? length - 1 : 0;
    return bias!.values[query * length + query + distance]!;
  };
  for (let distance = -1000; distance <= 1000; distance++)
    if (bucketOf(distance) !== mpnetBucket(distance)) t.fail(`at ${distance}`);
  t.equal(bucketOf(0), 0);
  t.equal(bucketOf(-3), 3);
  t.equal(bucketOf(3), 19);
  t.equal(bucketOf(1000), 31);
  t.equal(bias!.values[500 * length + 503], 19, 'distances count from any query');
});
