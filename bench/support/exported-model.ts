import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { SafetensorsFile } from '#graph/weights/safetensors.js';
import { exportLlama } from '#test/support/exported-llama.js';
import type { LlamaModelConfig } from '#test/support/llama-model.js';

/** Writes a Hugging Face folder of a Llama as onnxruntime's tools export it: GroupQueryAttention, past and present as tensors. */
export async function writeExported(source: string, folder: string): Promise<string> {
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  await mkdir(join(partial, 'onnx'), { recursive: true });
  for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
    await copyFile(join(source, file), join(partial, file));
  const config = JSON.parse(await readFile(join(source, 'config.json'), 'utf8')) as LlamaModelConfig;
  const weights = await SafetensorsFile.open(join(source, 'model.safetensors'));
  const tensors: Record<string, { shape: readonly number[]; values: Float32Array }> = {};
  for (const [name, { shape }] of weights.tensors)
    tensors[name] = { shape, values: await weights.read(name) };
  await exportLlama(join(partial, 'onnx', 'model.onnx'), config, tensors, {
    attention: 'grouped',
    positions: 'input',
  });
  await weights.close();
  await rename(partial, folder);
  return folder;
}
