import { int } from './onnx/attributes.js';
import { logMel, type LogMelOptions } from './blocks/log-mel.js';
import { ModelGraph } from './model-graph.js';
import { DataType } from './onnx/graph-builder.js';

/**
 * A graph that hears: float32 `samples` `[1, 1, (frames - 1) · hop + window]` in, and out come `log_mel`
 * `[1, bins, frames]`, see {@link logMel}, and the `largest` of its numbers, a scalar.
 *
 * @returns an ONNX file's bytes.
 */
export function logMelGraph(options: LogMelOptions): Uint8Array {
  const graph = new ModelGraph();
  const samples = graph.input('samples', DataType.FLOAT, [1, 1, 'samples']);
  const features = logMel(graph, 'mel', samples, options);
  const output = graph.node({ op: 'Identity', inputs: [features], name: 'log_mel' });
  const largest = graph.node({
    op: 'ReduceMax',
    inputs: [features],
    name: 'largest',
    attributes: { keepdims: int(0) },
  });
  graph.output(output, DataType.FLOAT, [1, options.bins, 'frames']);
  graph.output(largest, DataType.FLOAT, []);
  return graph.toBytes('log-mel');
}
