import { wholeAttention } from '../../blocks/whole-attention.js';
import type { ModelGraph } from '../../model-graph.js';
import { DataType, type Value } from '../../onnx/graph-builder.js';
import type { Seq2SeqSizes, SoundStack } from './architecture.js';
import { writeStack } from './stack.js';

/**
 * Writes an encoder that hears. Its input is `input_features`, float32 `[batch, bins, frames]`: windows of one
 * length, so that nothing is padded and nothing masked.
 *
 * @returns its last states, `[batch, positions, hidden]`.
 */
export function soundStates(graph: ModelGraph, design: SoundStack, { sound }: Seq2SeqSizes): Value {
  const { bins, frames } = sound!;
  const features = graph.input('input_features', DataType.FLOAT, ['batch', bins, frames]);
  return writeStack(design, design.layers, design.afterFeatures(features), (name, { attention }) => ({
    attention: x => wholeAttention(graph, name, x, x, attention, design),
  }));
}
