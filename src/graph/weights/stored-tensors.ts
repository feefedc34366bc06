import path from 'node:path';
import { POINTER, pointedFile } from '#gguf/pointer.js';
import { openGguf } from '#gguf/reader.js';
import { folderQuantization } from '../quantized-checkpoint.js';
import { openWeightsFile, weightFiles, type WeightStore } from './checkpoint.js';
import { treatmentOf } from './gguf/treatment.js';
import { QuantizedStore } from './quantized/store.js';
import { treatmentOf as quantizedTreatment } from './quantized/treatment.js';
import { SafetensorsFile, type TensorEntry } from './safetensors.js';
import { TorchFile } from './torch/torch-file.js';

/** What a file's header says of a tensor. */
export interface StoredTensor {
  /** As the file calls it, such as `BF16` or `Q4_K`. */
  readonly type: string;
  /** Elements. */
  readonly parameters: number;
  readonly bytes: number;
  /** What is made of it in the precision `stored`, and its bytes then; absent where the type means nothing to graphs. */
  readonly asStored?: { readonly form: string; readonly bytes: number } | undefined;
}

/**
 * The tensors of a folder's weights, of which nothing but headers is read. What is quantized counts as the weights that
 * it stands for.
 *
 * @throws KvasirError `invalid_model`; `unsupported_model` where weights are quantized in a way that is not read
 */
export async function storedTensors(folder: string): Promise<StoredTensor[]> {
  const names = await weightFiles(folder);
  if (names.includes(POINTER)) return ggufTensors(path.join(folder, POINTER));
  const files: WeightStore[] = [];
  try {
    for (const name of names.filter(name => !name.endsWith('.json')))
      files.push(await openWeightsFile(path.join(folder, name)));
    const find = await folderQuantization(folder);
    const safetensors = files.filter(file => file instanceof SafetensorsFile);
    const quantized = find && (await QuantizedStore.open(folder, safetensors, find));
    return quantized === undefined ? files.flatMap(plainTensors) : quantizedTensors(safetensors, quantized);
  } finally {
    await Promise.all(files.map(file => file.close()));
  }
}

function plainTensors(file: WeightStore): StoredTensor[] {
  if (file instanceof SafetensorsFile) return [...file.tensors.values()].map(plainTensor);
  if (!(file instanceof TorchFile)) return [];
  return [...file.tensors].map(([name, { type, shape }]) => ({
    type,
    parameters: elementsOf(shape),
    bytes: file.bytesOf(name),
  }));
}

function plainTensor({ type, shape, begin, end }: TensorEntry): StoredTensor {
  return { type, parameters: elementsOf(shape), bytes: end - begin };
}

function quantizedTensors(
  files: readonly SafetensorsFile[],
  { tensors, parts }: QuantizedStore,
): StoredTensor[] {
  const entries = new Map(files.flatMap(file => [...file.tensors]));
  const bytesOf = (name: string): number => plainTensor(entries.get(name)!).bytes;
  const plain = [...entries]
    .filter(([name]) => !parts.has(name))
    .map(([, entry]): StoredTensor => {
      const bytes = 4 * elementsOf(entry.shape);
      return { ...plainTensor(entry), asStored: { form: 'floats of 32 bits', bytes } };
    });
  const quantized = [...tensors.values()].map((tensor): StoredTensor => ({
    type: tensor.type,
    parameters: elementsOf(tensor.shape),
    bytes: tensor.tensors.reduce((sum, name) => sum + bytesOf(name), 0),
    asStored: quantizedTreatment(tensor),
  }));
  return [...plain, ...quantized];
}

async function ggufTensors(pointer: string): Promise<StoredTensor[]> {
  const file = await openGguf(await pointedFile(pointer));
  await file.close();
  return [...file.tensors.values()].map(({ type, shape, bytes }) => ({
    type,
    parameters: elementsOf(shape),
    bytes,
    asStored: treatmentOf(type, shape),
  }));
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
