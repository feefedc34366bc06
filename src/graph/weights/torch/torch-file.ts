import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { KvasirError } from '#errors.js';
import { openRegularFile, readExactly } from '#files.js';
import type { WeightStore } from '../checkpoint.js';
import { allFinite } from '../finite.js';
import { fromBfloat16, fromFloat16 } from '../half-precision.js';
import { LONGEST_PICKLE, readStateDict, type TorchTensor } from './state-dict.js';
import { readStoredZip, type StoredFile } from './stored-zip.js';

const BYTES = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;

/**
 * An open file of `torch.save` (PyTorch 1.6 and later) with a dict of tensors: a zip archive of a pickle, which is read
 * by {@link readStateDict}, and the elements of each storage.
 */
export class TorchFile implements WeightStore {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TorchTensor>;
  readonly #handle: FileHandle;
  readonly #storages: ReadonlyMap<string, StoredFile>;

  private constructor(
    path: string,
    handle: FileHandle,
    tensors: ReadonlyMap<string, TorchTensor>,
    storages: ReadonlyMap<string, StoredFile>,
  ) {
    this.path = path;
    this.#handle = handle;
    this.tensors = tensors;
    this.#storages = storages;
  }

  /** @throws KvasirError `invalid_model` if the file is missing or broken; `unsupported_model` if it is of another kind */
  static async open(path: string): Promise<TorchFile> {
    const handle = await openRegularFile(path);
    try {
      const { size } = await handle.stat();
      const files = await readStoredZip(handle, path, size);
      const fail = (fault: string): never => {
        throw new KvasirError('invalid_model', `${path}: ${fault}`);
      };
      const [name = fail('there is no data.pkl in it')] = [...files.keys()].filter(
        file => file === 'data.pkl' || /^[^/]*\/data\.pkl$/.test(file),
      );
      const root = name.slice(0, -'data.pkl'.length);
      const read = async ({ begin, end }: StoredFile): Promise<Uint8Array> => {
        if (end - begin > LONGEST_PICKLE) return fail(`a pickle of ${end - begin} bytes is too long`);
        const bytes = new Uint8Array(end - begin);
        await readExactly(handle, path, bytes, begin);
        return bytes;
      };
      const order = files.get(`${root}byteorder`);
      if (order !== undefined && new TextDecoder().decode(await read(order)) !== 'little')
        throw new KvasirError('unsupported_model', `${path}: its numbers are not little-endian`);
      const tensors = readStateDict(path, await read(files.get(name)!));
      const storages = new Map<string, StoredFile>();
      for (const [tensor, { storage, storageSize, type }] of tensors) {
        const file = files.get(`${root}data/${storage}`);
        if (file === undefined || file.end - file.begin !== storageSize * BYTES[type])
          return fail(`the elements of tensor '${tensor}' are missing, or are not as many as it says`);
        storages.set(tensor, file);
      }
      return new TorchFile(path, handle, tensors, storages);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  weight(name: string): ReturnType<WeightStore['weight']> {
    const tensor = this.tensors.get(name)!;
    const { type } = tensor;
    if (!isFloat(type))
      throw new KvasirError(
        'unsupported_model',
        `${this.path}: tensor '${name}' is ${type}; F32, F16 and BF16 weights can be read`,
      );
    const elements = elementsOf(tensor);
    return {
      load: async (first = 0, last = elements) => {
        const floats =
          tensor.strides === undefined
            ? await this.#read(name, type, tensor.first + first, tensor.first + last)
            : await this.#pick(name, type, tensor, tensor.strides, first, last);
        if (!allFinite(floats))
          throw new KvasirError(
            'invalid_model',
            `${this.path}: some numbers of tensor '${name}' are not finite (NaN or infinity): the weights are broken`,
          );
        return floats;
      },
    };
  }

  /** Elements of a tensor's storage. */
  async #read(name: string, type: FloatType, first: number, last: number): Promise<Float32Array> {
    const width = BYTES[type];
    const bytes = new Uint8Array((last - first) * width);
    await readExactly(this.#handle, this.path, bytes, this.#storages.get(name)!.begin + first * width);
    if (type === 'F32') return new Float32Array(bytes.buffer);
    const floats = new Float32Array(last - first);
    (type === 'F16' ? fromFloat16 : fromBfloat16)(new Uint16Array(bytes.buffer), floats);
    return floats;
  }

  /** Elements, in row-major order, of a tensor that is stored in another one. */
  async #pick(
    name: string,
    type: FloatType,
    { shape, first: start }: TorchTensor,
    strides: readonly number[],
    first: number,
    last: number,
  ): Promise<Float32Array> {
    if (first === last) return new Float32Array(0);
    const span = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 1);
    const stored = await this.#read(name, type, start, start + span);
    const picked = new Float32Array(last - first);
    for (let element = first; element < last; element++) {
      let [place, rest] = [0, element];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        place += (rest % shape[axis]!) * strides[axis]!;
        rest = Math.floor(rest / shape[axis]!);
      }
      picked[element - first] = stored[place]!;
    }
    return picked;
  }

  /** Bytes of a tensor's elements, shared or not. */
  bytesOf(name: string): number {
    const tensor = this.tensors.get(name)!;
    return elementsOf(tensor) * BYTES[tensor.type];
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

type FloatType = 'F32' | 'F16' | 'BF16';

function isFloat(type: TorchTensor['type']): type is FloatType {
  return type === 'F32' || type === 'F16' || type === 'BF16';
}

function elementsOf({ shape }: TorchTensor): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Whether a file begins as an archive does. Those of PyTorch before 1.6 do not, and are not read.
 */
export function isTorchArchive(file: string): boolean {
  try {
    // Opening a pipe may wait for ever.
    if (!statSync(file).isFile()) return false;
    const handle = openSync(file, 'r');
    try {
      const begin = new Uint8Array(2);
      return readSync(handle, begin, 0, 2, 0) === 2 && begin[0] === 0x50 && begin[1] === 0x4b;
    } finally {
      closeSync(handle);
    }
  } catch {
    return false;
  }
}
