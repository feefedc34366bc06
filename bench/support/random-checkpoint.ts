import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededRandom } from '#test/support/seeded-random.js';
import { llamaTensors, writeTokenizer, type LlamaSizes, type Shapes } from './random-model.js';

/** Bytes of a shard, as Hugging Face's own tools cut them. */
const SHARD = 5e9;
/** Random values are made once and repeated: what a build needs in memory does not depend on them. */
const BLOCK = 2 ** 24;

/**
 * Writes a Llama in BF16, in shards: real in shape, not in what it says.
 *
 * @param isTied whether the projection onto the vocabulary is the embedding.
 */
export async function writeRandomCheckpoint(
  folder: string,
  sizes: LlamaSizes,
  isTied = false,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    rope_theta: 500_000,
    tie_word_embeddings: isTied,
    bos_token_id: 0,
    eos_token_id: 1,
    ...sizes,
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeTokenizer(folder, sizes.vocab_size);
  const shapes: Shapes = {
    ...llamaTensors(sizes),
    ...(!isTied && { 'lm_head.weight': [sizes.vocab_size, sizes.hidden_size] }),
  };
  const shards = inShards(Object.entries(shapes));
  const block = randomBlock();
  const map: Record<string, string> = {};
  for (const [i, tensors] of shards.entries()) {
    const number = (n: number): string => String(n).padStart(5, '0');
    const name = `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
    for (const [tensor] of tensors) map[tensor] = name;
    await writeShard(join(folder, name), tensors, block);
  }
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
}

type Tensor = readonly [name: string, shape: readonly number[]];

export function bytesOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 2);
}

function inShards(tensors: readonly Tensor[]): Tensor[][] {
  const shards: Tensor[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    const size = bytesOf(tensor[1]);
    if (bytes > 0 && bytes + size > SHARD) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(tensor);
    bytes += size;
  }
  return shards;
}

/** BF16 numbers in ±0.05. */
function randomBlock(): Uint8Array {
  const random = seededRandom(1);
  const floats = Float32Array.from({ length: BLOCK / 2 }, () => (random() - 0.5) / 10);
  const words = new Uint32Array(floats.buffer);
  return new Uint8Array(Uint16Array.from(words, word => word >>> 16).buffer);
}

async function writeShard(path: string, tensors: readonly Tensor[], block: Uint8Array): Promise<void> {
  let end = 0;
  const header: Record<string, unknown> = {};
  for (const [name, shape] of tensors)
    header[name] = { dtype: 'BF16', shape, data_offsets: [end, (end += bytesOf(shape))] };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = await open(path, 'w');
  try {
    await file.write(Buffer.concat([length, json]));
    for (let left = end; left > 0; left -= block.length)
      await file.write(block, 0, Math.min(left, block.length));
  } finally {
    await file.close();
  }
}
