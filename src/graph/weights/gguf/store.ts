import { huggingFaceModel, type TensorSource } from '#gguf/architectures/index.js';
import { pointedFile } from '#gguf/pointer.js';
import { openGguf, type GgufFile } from '#gguf/reader.js';
import { sizeOfType, type GgufType } from '#gguf/types.js';
import { KvasirError } from '#errors.js';
import type { Weight, WeightStore } from '../checkpoint.js';
import { allFinite } from '../finite.js';
import { fromBfloat16, fromFloat16 } from '../half-precision.js';
import { pickPacked, type PackedRows } from '../packed-rows.js';
import { transpose } from '../transpose.js';
import { blockFloats } from './block-floats.js';
import { BLOCK_TYPES, isBlockType } from './block-types.js';
import { packingOf, repack } from './repack.js';

/** The weights of a GGUF file under Hugging Face's names. */
export class GgufStore implements WeightStore {
  readonly #file: GgufFile;
  readonly tensors: ReadonlyMap<string, TensorSource>;

  private constructor(file: GgufFile, tensors: ReadonlyMap<string, TensorSource>) {
    this.#file = file;
    this.tensors = tensors;
  }

  /**
   * @param pointer the file that says which GGUF file it is.
   * @throws KvasirError as `pointedFile`, `openGguf` and `huggingFaceModel`
   */
  static async open(pointer: string): Promise<GgufStore> {
    const file = await openGguf(await pointedFile(pointer));
    try {
      return new GgufStore(file, (await huggingFaceModel(file)).tensors);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get path(): string {
    return this.#file.path;
  }

  /** @throws KvasirError `unsupported_model` where the tensor's type cannot be read */
  weight(name: string): Omit<Weight, 'name' | 'shape'> {
    const source = this.tensors.get(name)!;
    const { type } = this.#file.tensors.get(source.tensor)!;
    const rows = new TensorRows(this.#file, source, readable(this.#file, source.tensor, type));
    return {
      load: (first, last) => rows.floats(first, last),
      packed: rows.packed,
      isQuantized: isBlockType(type),
    };
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

type ReadableType = 'F32' | 'F16' | 'BF16' | keyof typeof BLOCK_TYPES;

function readable(file: GgufFile, tensor: string, type: GgufType): ReadableType {
  if (type === 'F32' || type === 'F16' || type === 'BF16' || isBlockType(type)) return type;
  const known = ['F32', 'F16', 'BF16', ...Object.keys(BLOCK_TYPES)].join(', ');
  throw file.metadata.unsupported(`tensor '${tensor}' is ${type}, which is not read; ${known} are`);
}

/** The rows of a tensor, or of a slice of one; those of a vector have one element. */
class TensorRows {
  readonly #file: GgufFile;
  readonly #source: TensorSource;
  readonly #type: ReadableType;
  /** As the file has them. */
  readonly #rows: number;
  readonly #columns: number;
  /** Bytes of a row. */
  readonly #rowBytes: number;
  readonly #begin: number;

  constructor(file: GgufFile, source: TensorSource, type: ReadableType) {
    const { shape, isTransposed, slice } = source;
    const stored = isTransposed ? shape.toReversed() : shape;
    const elements = stored.reduce((product, size) => product * size, 1);
    const { blockSize, blockBytes } = sizeOfType(type);
    this.#file = file;
    this.#source = source;
    this.#type = type;
    this.#columns = stored.length > 1 || blockSize > 1 ? stored.at(-1)! : 1;
    this.#rows = elements / this.#columns;
    this.#rowBytes = (this.#columns / blockSize) * blockBytes;
    this.#begin = (slice?.index ?? 0) * this.#rows * this.#rowBytes;
  }

  /** Elements of the tensor in the folder's order. */
  async floats(first = 0, last = this.#rows * this.#columns): Promise<Float32Array> {
    if (this.#source.isTransposed) return (await this.#transposed()).subarray(first, last);
    const columns = this.#columns;
    const row = Math.floor(first / columns);
    const values = await this.#inOrder(row, Math.ceil(last / columns));
    const { added = 0 } = this.#source;
    if (added !== 0) values.forEach((value, i) => (values[i] = value - added));
    return values.subarray(first - row * columns, last - row * columns);
  }

  /** The rows as they are stored; undefined where they are floats, or columns. */
  get packed(): PackedRows | undefined {
    const { isTransposed, rowOrder, shape } = this.#source;
    const type = this.#type;
    if (!isBlockType(type) || isTransposed || shape.length !== 2) return undefined;
    const packed: PackedRows = {
      ...packingOf(BLOCK_TYPES[type], this.#columns),
      rows: async (first, last) => {
        const repacked = await repack(BLOCK_TYPES[type], last - first, this.#columns, (from, to) =>
          this.#bytes(first + from, first + to),
        );
        this.#requireFinite(repacked.scales);
        return repacked;
      },
    };
    return rowOrder === undefined ? packed : pickPacked(packed, this.#columns, rowOrder.storedRow);
  }

  async #transposed(): Promise<Float32Array> {
    return transpose(await this.#stored(0, this.#rows), this.#rows, this.#columns);
  }

  /** Rows in the folder's order. */
  async #inOrder(first: number, last: number): Promise<Float32Array> {
    const { rowOrder } = this.#source;
    if (rowOrder === undefined) return this.#stored(first, last);
    const { span, storedRow } = rowOrder;
    const begin = first - (first % span);
    const end = Math.min(this.#rows, Math.ceil(last / span) * span);
    const values = await this.#stored(begin, end);
    const columns = this.#columns;
    const result = new Float32Array((last - first) * columns);
    for (let row = first; row < last; row++) {
      const from = (storedRow(row) - begin) * columns;
      result.set(values.subarray(from, from + columns), (row - first) * columns);
    }
    return result;
  }

  async #stored(first: number, last: number): Promise<Float32Array> {
    const values = floatsOf(this.#type, await this.#bytes(first, last));
    this.#requireFinite(values);
    return values;
  }

  #bytes(first: number, last: number): Promise<Uint8Array> {
    const begin = this.#begin + first * this.#rowBytes;
    return this.#file.read(this.#source.tensor, begin, this.#begin + last * this.#rowBytes);
  }

  #requireFinite(values: Float32Array): void {
    if (allFinite(values)) return;
    throw new KvasirError(
      'invalid_model',
      `${this.#file.path}: tensor '${this.#source.tensor}' has numbers that are not finite (NaN or infinity): the weights are broken`,
    );
  }
}

function floatsOf(type: ReadableType, bytes: Uint8Array): Float32Array {
  if (type === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  if (isBlockType(type)) return blockFloats(BLOCK_TYPES[type], bytes);
  const floats = new Float32Array(bytes.byteLength / 2);
  const widen = type === 'F16' ? fromFloat16 : fromBfloat16;
  widen(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2), floats);
  return floats;
}
