import t from 'tap';
import { vocabularyHead } from '#graph/assembly/heads/language-model.js';
import { ModelGraph } from '#graph/model-graph.js';
import { DataType } from '#graph/onnx/graph-builder.js';
import { Tensor } from '#runtime/index.js';
import { evaluate } from '#test/support/run-graph.js';
import { seededRandom } from '#test/support/seeded-random.js';

const HIDDEN = 8;

// Of two blocks, of one, and without any.
for (const vocabularySize of [160, 61, 131])
  t.test(`maxima and log-sums of a vocabulary of ${vocabularySize}`, async t => {
    const random = seededRandom(vocabularySize);
    const values = (count: number): Float32Array =>
      Float32Array.from({ length: count }, () => 30 * random() - 15);
    const table = values(vocabularySize * HIDDEN);
    const graph = new ModelGraph();
    const hidden = graph.input('hidden', DataType.FLOAT, ['batch', 'sequence', HIDDEN]);
    const floats = graph.floats('table', [vocabularySize, HIDDEN], () => table);
    vocabularyHead(graph, hidden, { floats }, { hiddenSize: HIDDEN, vocabularySize }, { logSums: true });
    using states = Tensor.fromArray(values(2 * 3 * HIDDEN), [2, 3, HIDDEN]);
    using positions = Tensor.fromArray(BigInt64Array.of(5n, 1n), [2]);
    const results = await evaluate(t.testdir(), graph, { hidden: states, logits_positions: positions });
    const { logits, logits_log_sums: logSums, logits_maxima: maxima } = results;
    t.strictSame(logits!.shape, [2, vocabularySize]);
    t.strictSame(logSums!.shape, [2]);
    const rows = [0, 1].map(row => logits!.values.slice(row * vocabularySize, (row + 1) * vocabularySize));
    rows.forEach((row, i) => {
      const largest = Math.max(...row);
      const wanted = largest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
      const difference = Math.abs(logSums!.values[i]! - wanted) / Math.abs(wanted);
      t.ok(difference < 1e-6, `relative difference ${difference}`);
    });
    if (vocabularySize === 131) t.equal(maxima, undefined);
    else {
      const size = maxima!.values.length / 2;
      const blocks = rows.flatMap(row =>
        Array.from({ length: size }, (_, block) => {
          const width = vocabularySize / size;
          return Math.max(...row.slice(block * width, (block + 1) * width));
        }),
      );
      t.strictSame(maxima!.values, blocks);
    }
  });
