import koffi from 'koffi';
import { KvasirError } from '#errors.js';
import { check, create, ortApi, type Pointer } from './api.js';
import {
  elementSize,
  elementTypeNumber,
  elementTypeOfArray,
  viewOf,
  type ElementType,
  type TensorData,
} from './element-type.js';
import { Handle } from './handle.js';
import { cpuMemoryInfo, DeviceMemory } from './memory.js';
import { readTensorTypeAndShape } from './type-info.js';

/**
 * A tensor (`OrtValue`). It does not own the memory given to `fromArray` and `overMemory`, but keeps it from
 * being collected or disposed.
 */
export class Tensor extends Handle {
  readonly type: ElementType;
  /** Outermost dimension first; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** The memory that the native value points into; undefined if the value owns its memory. */
  protected readonly memory: TensorData | DeviceMemory | undefined;

  private constructor(
    pointer: Pointer,
    type: ElementType,
    shape: readonly number[],
    memory: TensorData | DeviceMemory | undefined,
  ) {
    super(pointer, 'ReleaseValue', memory instanceof DeviceMemory ? [memory] : []);
    this.type = type;
    this.shape = shape;
    this.memory = memory;
  }

  /**
   * Wraps a typed array without a copy: the next run reads what was written to the array. The array must be
   * neither resized nor transferred while the tensor lives.
   *
   * @param type needed where the array does not tell (half floats, booleans).
   * @throws KvasirError `runtime_failure` where shape and array differ in size.
   */
  static fromArray(
    data: TensorData,
    shape: readonly number[],
    type: ElementType = elementTypeOfArray(data),
  ): Tensor {
    if (elements(shape) !== data.length || elementSize(type) !== data.BYTES_PER_ELEMENT) {
      throw new KvasirError(
        'runtime_failure',
        `a ${type} tensor of shape [${shape.join(', ')}] does not fit ${data.length} elements`,
      );
    }
    return Tensor.#create(cpuMemoryInfo().pointer, data, data.byteLength, shape, type, data);
  }

  /**
   * Wraps a device's memory from a byte offset on.
   *
   * @throws KvasirError `runtime_failure` where it would reach beyond the memory, or the offset is no
   * multiple of an element's size.
   */
  static overMemory(
    memory: DeviceMemory,
    offset: number,
    shape: readonly number[],
    type: ElementType,
  ): Tensor {
    const bytes = elements(shape) * elementSize(type);
    if (offset % elementSize(type) !== 0 || offset + bytes > memory.bytes) {
      throw new KvasirError(
        'runtime_failure',
        `a ${type} tensor of shape [${shape.join(', ')}] at byte ${offset} does not fit ${memory.bytes} bytes`,
      );
    }
    return Tensor.#create(memory.allocator.memoryInfo.pointer, memory.at(offset), bytes, shape, type, memory);
  }

  /**
   * Takes ownership of a value that ONNX Runtime made, such as an output that it allocated. A value that
   * cannot be a tensor is released.
   *
   * @throws OrtError or KvasirError `runtime_failure` where it is no tensor, or one of an unknown element
   * type.
   */
  static adopt(pointer: Pointer): Tensor {
    const { ReleaseTensorTypeAndShapeInfo, ReleaseValue } = ortApi().functions;
    let info: Pointer | undefined;
    try {
      info = create('GetTensorTypeAndShape', pointer);
      const { type, shape } = readTensorTypeAndShape(info);
      if (type === undefined)
        throw new KvasirError('runtime_failure', 'the value has an element type that is not supported');
      return new Tensor(pointer, type, shape as number[], undefined);
    } catch (error) {
      ReleaseValue(pointer);
      throw error;
    } finally {
      if (info !== undefined) ReleaseTensorTypeAndShapeInfo(info);
    }
  }

  static #create(
    memoryInfo: Pointer,
    data: TensorData | Pointer,
    bytes: number,
    shape: readonly number[],
    type: ElementType,
    memory: TensorData | DeviceMemory,
  ): Tensor {
    const dimensions = BigInt64Array.from(shape, BigInt);
    const pointer = create(
      'CreateTensorWithDataAsOrtValue',
      memoryInfo,
      data,
      bytes,
      dimensions,
      shape.length,
      elementTypeNumber(type),
    );
    return new Tensor(pointer, type, shape, memory);
  }

  /** Number of elements. */
  get size(): number {
    return elements(this.shape);
  }

  /**
   * A copy of the elements; only for tensors in the processor's memory.
   *
   * @throws KvasirError `runtime_failure` for strings
   */
  toArray(): TensorData {
    const out: [Pointer | null] = [null];
    check(ortApi().functions.GetTensorMutableData(this.pointer, out));
    const View = viewOf(this.type);
    const copy = new View(this.size);
    const bytes = new Uint8Array(copy.buffer);
    if (bytes.length > 0) bytes.set(new Uint8Array(koffi.view(out[0], bytes.length)));
    return copy;
  }
}

/** @throws KvasirError `runtime_failure` for a shape with a dimension that is no size */
function elements(shape: readonly number[]): number {
  if (!shape.every(dimension => Number.isSafeInteger(dimension) && dimension >= 0))
    throw new KvasirError(
      'runtime_failure',
      `[${shape.join(', ')}] is not a shape: sizes are whole numbers from 0 on`,
    );
  return shape.reduce((product, dimension) => product * dimension, 1);
}
