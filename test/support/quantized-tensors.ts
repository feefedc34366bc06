import { NUMBER_FORMATS, type Precision } from '#graph/precision.js';
import { quantizePerChannel } from '#graph/quantization/per-channel.js';
import { quantize } from '#graph/quantization/quantize.js';
import { dequantize, dequantizePerChannel } from './dequantize.js';
import type { TestTensor, TestTensors } from './safetensors.js';

/**
 * The tensors that a model of some precision really computes with: matrices as their codes stand for them,
 * all else unchanged.
 */
export async function quantizedTensors(tensors: TestTensors, precision: Precision): Promise<TestTensors> {
  const { matrices, vocabulary, w8a8 } = NUMBER_FORMATS[precision];
  const result: Record<string, TestTensor> = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    const isVocabulary = name.includes('embed_tokens') || name.includes('lm_head');
    const format = isVocabulary ? vocabulary : matrices;
    if (tensor.shape.length !== 2 || format === undefined) {
      result[name] = tensor;
      continue;
    }
    const [rows, columns] = tensor.shape as [number, number];
    const floats = Float32Array.from(tensor.values);
    const matrix = {
      rows,
      columns,
      async *pieces() {
        yield floats;
      },
    };
    const values =
      !name.includes('embed_tokens') && (w8a8 === 'all layers' || (isVocabulary && w8a8 !== undefined))
        ? dequantizePerChannel(await quantizePerChannel(matrix), columns)
        : dequantize(await quantize(matrix, format), format, rows, columns);
    result[name] = { shape: tensor.shape, values: [...values] };
  }
  return result;
}
