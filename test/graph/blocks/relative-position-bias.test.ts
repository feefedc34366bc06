import t from 'tap';
import { causalRelativePositionBias, relativePositionBias } from '#graph/blocks/relative-position-bias.js';
import { ModelGraph } from '#graph/model-graph.js';
import { DataType } from '#graph/onnx/graph-builder.js';
import { Tensor } from '#runtime/index.js';
import { mpnetBucket } from '#test/reference/encoder.js';
import { evaluate, longs } from '#test/support/run-graph.js';

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

t.test('a decoder of T5 tells distances back apart with all buckets', async t => {
  const [buckets, heads, maxDistance] = [8, 2, 20];
  const graph = new ModelGraph();
  const weight = {
    name: 'numbers',
    shape: [buckets, heads],
    load: async () => Float32Array.from({ length: buckets * heads }, (_, i) => i),
  };
  const positions = graph.input('positions', DataType.INT64, ['batch', 'sequence']);
  const longest = graph.input('longest', DataType.INT32, []);
  causalRelativePositionBias(graph, 'bias', { weight, maxDistance }, positions, longest);
  graph.output('bias', DataType.FLOAT, ['batch', heads, 'sequence', 'longest']);
  const [rows, keys] = [[5, 6, 30, 31], 32];
  using at = longs(rows, [2, 2]);
  using length = Tensor.fromArray(Int32Array.of(keys), []);
  const { bias } = await evaluate(t.testdir(), graph, { positions: at, longest: length });
  t.strictSame(bias!.shape, [2, heads, 2, keys]);
  // Four exact ones, then distances that grow by the fourth root of 5: 4, 5.98, 8.94, 13.37, 20.
  const bucketOf = (distance: number): number =>
    [1, 2, 3, 4, 6, 9, 14].findLastIndex(begin => distance >= begin) + 1;
  rows.forEach((query, row) => {
    for (let head = 0; head < heads; head++)
      for (let key = 0; key <= query; key++) {
        const place = ((Math.floor(row / 2) * heads + head) * 2 + (row % 2)) * keys + key;
        const wanted = bucketOf(query - key) * heads + head;
        if (bias!.values[place] !== wanted)
          t.fail(`${query} to ${key}: ${bias!.values[place]}, not ${wanted}`);
      }
  });
});
