import { existsSync } from 'node:fs';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { readJson } from '#files.js';
import { POINTER } from '#gguf/pointer.js';
import { missingWeights } from '../folder-contents.js';
import { folderQuantization } from '../quantized-checkpoint.js';
import { GgufStore } from './gguf/store.js';
import type { PackedRows } from './packed-rows.js';
import { QuantizedStore } from './quantized/store.js';
import { SafetensorsFile } from './safetensors.js';
import { isTorchArchive, TorchFile } from './torch/torch-file.js';

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const TORCH = 'pytorch_model.bin';
const TORCH_INDEX = 'pytorch_model.bin.index.json';

/** A weight of a checkpoint whose presence and shape are known to be right, not yet read. */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * Elements in row-major order, from the first on and before the last; by default all. Each call reads the
   * file again.
   */
  load(first?: number, last?: number): Promise<Float32Array>;
  /** A matrix's blocks as they are stored, where the checkpoint has it quantized in a layout that graphs can run. */
  readonly packed?: PackedRows | undefined;
  /** True where the checkpoint has it quantized, in whatever layout: 8 bits are then as good as floats. */
  readonly isQuantized?: boolean | undefined;
}

/** A file of weights, or what stands for one. Errors of all methods are as those of {@link Checkpoint}. */
export interface WeightStore {
  /** What errors call it. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
  weight(name: string): Omit<Weight, 'name' | 'shape'>;
  /** A vector of whole numbers; undefined for a format that has none. */
  readIntegers?(name: string): Promise<number[]>;
  close(): Promise<void>;
}

/**
 * The file that a folder's weights begin with: theirs, the index of shards, or what points to a GGUF file; safetensors
 * come before files of PyTorch, of which those that are not read do not count. Undefined where there is none.
 */
export function findWeightsFile(folder: string): string | undefined {
  return [SINGLE, INDEX, POINTER, TORCH, TORCH_INDEX].find(name => {
    const file = path.join(folder, name);
    return name === TORCH ? isTorchArchive(file) : existsSync(file);
  });
}

/**
 * Opens a file of weights by its name. @throws KvasirError `invalid_model`, `unsupported_model`
 */
export function openWeightsFile(file: string): Promise<WeightStore> {
  if (path.basename(file) === POINTER) return GgufStore.open(file);
  return /\.(bin|pt)$/.test(file) ? TorchFile.open(file) : SafetensorsFile.open(file);
}

/**
 * Names of the files, relative to the folder, that hold a model's weights (and of the index that says so).
 *
 * @throws KvasirError `invalid_model` if there are none, or the index is broken; `unsupported_model` if there
 * are weights of another format
 */
export async function weightFiles(folder: string): Promise<string[]> {
  const first = findWeightsFile(folder);
  if (first === undefined) throw await missingWeights(folder, `neither ${SINGLE} nor ${INDEX}`);
  if (first !== INDEX && first !== TORCH_INDEX) return [first];
  return [first, ...new Set(Object.values(await readIndex(folder, first)))];
}

/**
 * The weights of a Hugging Face model folder: `model.safetensors`, the shards that `model.safetensors.index.json`
 * lists, the same of `pytorch_model.bin`, or the GGUF file that `model.gguf.json` points to.
 */
export class Checkpoint {
  readonly #folder: string;
  readonly #files: readonly WeightStore[];
  readonly #fileOf = new Map<string, WeightStore>();
  readonly #used = new Set<string>();

  private constructor(folder: string, files: readonly WeightStore[], quantized?: QuantizedStore) {
    this.#folder = folder;
    this.#files = files;
    for (const file of files)
      for (const name of file.tensors.keys()) if (!quantized?.parts.has(name)) this.#fileOf.set(name, file);
    for (const name of quantized?.tensors.keys() ?? []) this.#fileOf.set(name, quantized!);
  }

  /**
   * @throws KvasirError `invalid_model`, naming the file that is missing or broken; `unsupported_model` where weights are
   * quantized in a way that is not read
   */
  static async open(folder: string): Promise<Checkpoint> {
    const names = await weightFiles(folder);
    const index = names.find(name => name.endsWith('.index.json'));
    const shards = names.filter(name => name !== index);
    const missing = shards.filter(name => !existsSync(path.join(folder, name)));
    if (missing.length > 0)
      throw new KvasirError(
        'invalid_model',
        `${folder}: ${index} names missing files: ${missing.join(', ')}`,
      );
    const files: WeightStore[] = [];
    try {
      for (const shard of shards) files.push(await openWeightsFile(path.join(folder, shard)));
      return new Checkpoint(folder, files, await openQuantized(folder, files));
    } catch (error) {
      await Promise.all(files.map(file => file.close()));
      throw error;
    }
  }

  /** The weights of one file alone. */
  static of(file: WeightStore): Checkpoint {
    return new Checkpoint(path.dirname(file.path), [file]);
  }

  has(name: string): boolean {
    return this.#fileOf.has(name);
  }

  /**
   * @throws KvasirError `invalid_model` if there is no such tensor or it has another shape;
   * `unsupported_model` if its elements are of a type that cannot be read
   */
  weight(name: string, shape: readonly number[]): Weight {
    const file = this.#fileOf.get(name);
    const found = file?.tensors.get(name)?.shape;
    if (file === undefined || found === undefined)
      throw new KvasirError(
        'invalid_model',
        `${this.#folder}: no tensor '${name}' among the weights${this.#elsewhere(name)}`,
      );
    if (found.length !== shape.length || found.some((size, axis) => size !== shape[axis]))
      throw new KvasirError(
        'invalid_model',
        `${file.path}: tensor '${name}' has shape [${found.join(', ')}]; config.json asks for [${shape.join(', ')}]`,
      );
    const weight = file.weight(name);
    this.#used.add(name);
    return { name, shape, ...weight };
  }

  /**
   * A vector of indexes into something that has `below` places.
   *
   * @throws KvasirError `invalid_model` if there is no such tensor, it has another length, or an index is none
   */
  integers(name: string, size: number): { load(below: number): Promise<number[]> } {
    const file = this.#fileOf.get(name);
    const shape = file?.tensors.get(name)?.shape;
    if (file?.readIntegers === undefined || shape?.length !== 1 || shape[0] !== size)
      throw new KvasirError('invalid_model', `${this.#folder}: no tensor '${name}' of ${size} integers`);
    this.#used.add(name);
    return {
      async load(below) {
        const numbers = (await file.readIntegers?.(name)) ?? [];
        if (numbers.some(index => index < 0 || index >= below))
          throw new KvasirError(
            'invalid_model',
            `${file.path}: tensor '${name}' has an index beyond ${below}`,
          );
        return numbers;
      },
    };
  }

  /** Where a tensor that is missing may be meant, since one ends as it does. */
  #elsewhere(name: string): string {
    const other = [...this.#fileOf.keys()].find(key => key.endsWith(`.${name}`));
    if (other !== undefined) return `; there is '${other}', for another architecture or a part of it`;
    const [first] = this.#fileOf.keys();
    return first === undefined ? ', which are empty' : `, which are named as '${first}' is`;
  }

  /** Names of the tensors that nobody has asked for. */
  get unused(): readonly string[] {
    return [...this.#fileOf.keys()].filter(name => !this.#used.has(name)).sort();
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map(file => file.close()));
  }
}

async function openQuantized(
  folder: string,
  files: readonly WeightStore[],
): Promise<QuantizedStore | undefined> {
  const find = await folderQuantization(folder);
  const stored = files.filter(file => file instanceof SafetensorsFile);
  if (find !== undefined && stored.length < files.length)
    throw new KvasirError('unsupported_model', `${folder}: quantized weights are read of safetensors alone`);
  return find && QuantizedStore.open(folder, stored, find);
}

/** The index's `weight_map`: tensor -> file. */
async function readIndex(folder: string, name: string): Promise<Record<string, string>> {
  const file = path.join(folder, name);
  const index = await readJson(file);
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new KvasirError('invalid_model', `${file} has no weight_map`);
  for (const [tensor, shard] of Object.entries(map as Record<string, unknown>))
    if (typeof shard !== 'string' || path.basename(shard) !== shard || ['', '.', '..'].includes(shard))
      throw new KvasirError(
        'invalid_model',
        `${file}: weight_map gives tensor '${tensor}' no file of this folder: ${JSON.stringify(shard)}`,
      );
  return map as Record<string, string>;
}
