import { wholeAttention } from '../../blocks/whole-attention.js';
import type { ModelGraph } from '../../model-graph.js';
import { DataType, type Value } from '../../onnx/graph-builder.js';
import type { Seq2SeqSizes, SoundStack } from './architecture.js';
import { isWaveform } from './sound-shape.js';
import { writeStack } from './stack.js';

/**
 * Writes an encoder that hears. Its input is `input_features`, float32 `[batch, bins, frames]`: windows of one
 * length, so that nothing is padded and nothing masked. Of one that hears samples, it is `samples`, float32
 * `[1, 1, samples]`.
 *
 * @returns its last states, `[batch, positions, hidden]`.
 */
export function soundStates(graph: ModelGraph, design: SoundStack, { sound }: Seq2SeqSizes): Value {
  const features = isWaveform(sound!)
    ? graph.input('samples', DataType.FLOAT, [1, 1, 'samples'])
    : graph.input('input_features', DataType.FLOAT, ['batch', sound!.bins, sound!.frames]);
  return writeStack(design, design.layers, design.afterFeatures(features), (name, { attention }) => ({
    attention: x => wholeAttention(graph, name, x, x, attention, design, { rotary: design.rotary }),
  }));
}
