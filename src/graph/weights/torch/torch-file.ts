import type { FileHandle } from 'node:fs/promises';
import { KvasirError } from '#errors.js';
import { openRegularFile, readExactly } from '#files.js';
import type { WeightStore } from '../checkpoint.js';
import { allFinite } from '../finite.js';
import { fromBfloat16, fromFloat16 } from '../half-precision.js';
import { LONGEST_PICKLE, readStateDict, type TorchTensor } from './state-dict.js';
import { readStoredZip, type StoredFile } from './stored-zip.js';

const BYTES = { F32: 4, F16: 2, BF16: 2 } as const;

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
    const elements = tensor.shape.reduce((product, size) => product * size, 1);
    return {
      load: async (first = 0, last = elements) => {
        const floats = await this.#read(name, tensor, first, last);
        if (!allFinite(floats))
          throw new KvasirError(
            'invalid_model',
            `${this.path}: some numbers of tensor '${name}' are not finite (NaN or infinity): the weights are broken`,
          );
        return floats;
      },
    };
  }

  async #read(
    name: string,
    { type, first: start }: TorchTensor,
    first: number,
    last: number,
  ): Promise<Float32Array> {
    const width = BYTES[type];
    const bytes = new Uint8Array((last - first) * width);
    const begin = this.#storages.get(name)!.begin + (start + first) * width;
    await readExactly(this.#handle, this.path, bytes, begin);
    if (type === 'F32') return new Float32Array(bytes.buffer);
    const floats = new Float32Array(last - first);
    (type === 'F16' ? fromFloat16 : fromBfloat16)(new Uint16Array(bytes.buffer), floats);
    return floats;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
