import path from 'node:path';
import { POINTER, pointedFile } from '#gguf/pointer.js';
import { openGguf } from '#gguf/reader.js';
import { weightFiles } from './checkpoint.js';
import { treatmentOf } from './gguf/treatment.js';
import { SafetensorsFile } from './safetensors.js';

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

/** The tensors of a folder's weights, of which nothing but headers is read. @throws KvasirError `invalid_model` */
export async function storedTensors(folder: string): Promise<StoredTensor[]> {
  const tensors: StoredTensor[] = [];
  for (const name of await weightFiles(folder)) {
    const file = path.join(folder, name);
    if (name === POINTER) tensors.push(...(await ggufTensors(file)));
    else if (name.endsWith('.safetensors')) tensors.push(...(await safetensors(file)));
  }
  return tensors;
}

async function safetensors(path: string): Promise<StoredTensor[]> {
  const file = await SafetensorsFile.open(path);
  await file.close();
  return [...file.tensors.values()].map(({ type, shape, begin, end }) => ({
    type,
    parameters: elementsOf(shape),
    bytes: end - begin,
  }));
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
