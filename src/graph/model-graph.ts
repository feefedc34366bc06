import { KvasirError } from '#errors.js';
import { DataType, GraphBuilder, NONE, type Value } from './onnx/graph-builder.js';
import {
  blockBytes,
  blocksPerRow,
  zeroPointBytes,
  type BlockFormat,
  type BlockLayout,
  type QuantizedMatrix,
} from './quantization/block-format.js';
import { quantize } from './quantization/quantize.js';
import type { Foreseen } from './quantization/foreseen.js';
import { quantizePerChannel, rowSums } from './quantization/per-channel.js';
import { roundToFloat16, toBfloat16, toFloat16 } from './weights/half-precision.js';
import type { Matrix } from './weights/matrix.js';
import type { Vector } from './weights/model-weights.js';
import { packedColumns, type PackedRows } from './weights/packed-rows.js';

/** In which numbers a graph computes and stores its weights. */
export interface NumberFormat {
  /** Type of activations, caches, and weights that are not quantized. */
  readonly floats: DataType.FLOAT | DataType.FLOAT16 | DataType.BFLOAT16;
  /** Format of linear layers' matrices; undefined: floats. */
  readonly matrices?: BlockFormat | undefined;
  /** Format of the experts' matrices in a mixture of experts; undefined: as linear layers'. */
  readonly experts?: BlockFormat | undefined;
  /**
   * Layers that multiply 8-bit activations by 8-bit weights: all with the language model's head, or the head
   * alone; undefined: none.
   */
  readonly w8a8?: 'all layers' | 'head' | undefined;
  /**
   * Format of tables with a row for every token, and of the projection onto the vocabulary; undefined:
   * floats.
   */
  readonly vocabulary?: BlockFormat | undefined;
  /**
   * True if matrices that are stored quantized are written as they are where a graph can run them, those in floats
   * as floats, and only the rest in the formats above.
   */
  readonly asStored?: boolean | undefined;
}

/** A quantized matrix in a graph, `[rows, columns]`. */
export interface QuantizedWeight {
  readonly format: BlockLayout;
  readonly rows: number;
  readonly columns: number;
  /** As in {@link PackedRows}: further columns behind those of the matrix. */
  readonly sumCopies: number;
  /** uint8 `[rows, blocks, block bytes]` */
  readonly codes: Value;
  /** `[rows, blocks]` */
  readonly scales: Value;
  /** uint8 `[rows, bytes]`; left out where the format is symmetric. */
  readonly zeroPoints: Value;
}

/** A matrix in a graph with a scale for each output channel, which is a row. */
export interface PerChannelWeight {
  /** int8 `[columns, rows]` */
  readonly codes: Value;
  /** float32 `[rows]` */
  readonly scales: Value;
  /** Sum of each row as it is stored; where asked for. */
  readonly sums: Vector | undefined;
}

/**
 * A graph whose weights are stored in a {@link NumberFormat}. Blocks ask it, so that each is written once for
 * all formats. Weights are loaded, and quantized, one by one when the graph is saved.
 */
export class ModelGraph extends GraphBuilder {
  readonly format: NumberFormat;
  readonly #shared = new Map<string, unknown>();
  readonly #foreseen = new Map<Value, Foreseen>();

  constructor(format: NumberFormat = { floats: DataType.FLOAT }) {
    super();
    this.format = format;
  }

  /** Element type of activations and unquantized weights. */
  get floatType(): NumberFormat['floats'] {
    return this.format.floats;
  }

  /** Something that several layers or heads use, made when it is first asked for. */
  shared<T>(name: string, make: () => T): T {
    if (!this.#shared.has(name)) this.#shared.set(name, make());
    return this.#shared.get(name) as T;
  }

  /** Says what is known of a value's numbers, for whoever quantizes it. */
  foresee(value: Value, foreseen: Foreseen): void {
    this.#foreseen.set(value, foreseen);
  }

  foreseen(value: Value): Foreseen {
    return this.#foreseen.get(value) ?? {};
  }

  /** Adds a weight in the graph's float type. */
  floats(name: string, shape: readonly number[], load: () => Float32Array | Promise<Float32Array>): Value {
    return this.initializer(name, this.floatType, shape, async () => {
      const floats = await load();
      switch (this.floatType) {
        case DataType.FLOAT:
          return floats;
        case DataType.FLOAT16:
          return requireFinite(name, toFloat16(floats), 0x7c00);
        case DataType.BFLOAT16:
          return requireFinite(name, toBfloat16(floats), 0x7f80);
      }
    });
  }

  /**
   * How a matrix is to be written: packed as it is stored, in a block format, or (undefined) in floats.
   *
   * @param format of what is not written as it is stored; by default that of linear layers.
   */
  formOf(
    { packed, isQuantized }: Pick<Matrix, 'packed' | 'isQuantized'>,
    format: BlockFormat | undefined = this.format.matrices,
  ): PackedRows | BlockFormat | undefined {
    if (this.format.asStored !== true) return format;
    return packed ?? (isQuantized ? format : undefined);
  }

  /**
   * Adds a matrix in a block format, or packed as it is stored.
   *
   * @param experts where given, rows belong to so many matrices, one under the other; codes are then
   * `[experts, rows, row bytes]` and scales `[experts, rows, blocks]`, as com.microsoft.QMoE wants them.
   * Needs whole blocks and a symmetric format.
   */
  quantized(name: string, matrix: Matrix, form: BlockFormat | PackedRows, experts?: number): QuantizedWeight {
    const { rows, columns } = matrix;
    if ('layout' in form) {
      const { layout, sumCopies } = form;
      return this.#blocks(name, [rows, columns], layout, sumCopies, () => form.rows(0, rows), experts);
    }
    const roundScale = this.floatType === DataType.FLOAT16 ? roundToFloat16 : Math.fround;
    return this.#blocks(name, [rows, columns], form, 0, () => quantize(matrix, form, roundScale), experts);
  }

  #blocks(
    name: string,
    [rows, columns]: readonly [rows: number, columns: number],
    format: BlockLayout,
    sumCopies: number,
    load: () => Promise<QuantizedMatrix>,
    experts: number | undefined,
  ): QuantizedWeight {
    const width = packedColumns({ layout: format, sumCopies }, columns);
    const blocks = blocksPerRow(format, width);
    const result = sharedBy(format.symmetric ? 2 : 3, load);
    const codes = this.initializer(
      `${name}.weight`,
      DataType.UINT8,
      experts === undefined
        ? [rows, blocks, blockBytes(format)]
        : [experts, rows / experts, blocks * blockBytes(format)],
      async () => (await result()).codes,
    );
    const scaleShape = experts === undefined ? [rows, blocks] : [experts, rows / experts, blocks];
    const scales = this.floats(`${name}.scales`, scaleShape, async () => (await result()).scales);
    const zeroPoints = format.symmetric
      ? NONE
      : this.initializer(
          `${name}.zero_points`,
          DataType.UINT8,
          [rows, zeroPointBytes(format, width)],
          async () => (await result()).zeroPoints!,
        );
    return { format, rows, columns, sumCopies, codes, scales, zeroPoints };
  }

  /**
   * Adds a matrix whose output channels have scales.
   *
   * @param withSums whether the sums of its rows will be loaded.
   */
  perChannel(name: string, matrix: Matrix, withSums = false): PerChannelWeight {
    const { rows, columns } = matrix;
    const result = sharedBy(withSums ? 3 : 2, () => quantizePerChannel(matrix));
    const codes = this.initializer(
      `${name}.weight`,
      DataType.INT8,
      [columns, rows],
      async () => new Uint8Array((await result()).codes.buffer),
    );
    const scales = this.initializer(
      `${name}.scales`,
      DataType.FLOAT,
      [rows],
      async () => (await result()).scales,
    );
    const sums = withSums ? { size: rows, load: async () => rowSums(await result()) } : undefined;
    return { codes, scales, sums };
  }
}

/** @param infinity bits of an infinite number, and the exponent's; a checkpoint's own numbers are finite. */
function requireFinite(name: string, halves: Uint16Array, infinity: number): Uint16Array {
  if (halves.some(half => (half & infinity) === infinity))
    throw new KvasirError(
      'invalid_configuration',
      `the weight '${name}' has numbers beyond the largest of 16 bits: take another precision, such as f32`,
    );
  return halves;
}

/** Makes a value when it is first asked for, and drops it when it was asked for `times` times. */
function sharedBy<T>(times: number, make: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  let left = times;
  return () => {
    const current = (value ??= make());
    if (--left === 0) value = undefined;
    return current;
  };
}
