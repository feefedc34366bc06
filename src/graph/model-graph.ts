import { DataType, GraphBuilder, type Value } from './onnx/graph-builder.js';
import type { BlockFormat } from './quantization/block-format.js';
import { roundToFloat16, toFloat16 } from './weights/half-precision.js';

/** In which numbers a graph computes and stores its weights. */
export interface NumberFormat {
  /** Of activations, caches, and weights that are not quantized. */
  readonly floats: DataType.FLOAT | DataType.FLOAT16;
  /** Of linear layers' matrices; undefined: floats. */
  readonly matrices?: BlockFormat;
  /** Of the projection onto the vocabulary; undefined: floats. */
  readonly vocabulary?: BlockFormat;
}

/** A graph whose weights are stored in a {@link NumberFormat}; blocks ask it, so that each is written once for all formats. */
export class ModelGraph extends GraphBuilder {
  readonly format: NumberFormat;

  constructor(format: NumberFormat = { floats: DataType.FLOAT }) {
    super();
    this.format = format;
  }

  /** Element type of activations and unquantized weights. */
  get floatType(): NumberFormat['floats'] {
    return this.format.floats;
  }

  /** Adds a weight in the graph's float type. `load` is called once, when the graph is saved. */
  floats(name: string, shape: readonly number[], load: () => Float32Array | Promise<Float32Array>): Value {
    return this.initializer(name, this.floatType, shape, async () => {
      const floats = await load();
      return this.floatType === DataType.FLOAT16 ? toFloat16(floats) : floats;
    });
  }

  /** The nearest number of the graph's float type. */
  round(value: number): number {
    return this.floatType === DataType.FLOAT16 ? roundToFloat16(value) : Math.fround(value);
  }
}
