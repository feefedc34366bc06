import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { SafetensorsFile } from '#graph/weights/safetensors.js';
import type { LlamaSizes } from './random-model.js';

/** GGUF: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
const ALIGNMENT = 32;
const TYPES = { uint32: 4, float32: 6, string: 8, array: 9, int32: 5 } as const;
const F32 = 0;

type MetadataValue =
  | { readonly type: 'uint32' | 'float32'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'int32s'; readonly value: readonly number[] };

/** Bytes of integers, floats and strings, one after another. */
class Writer {
  readonly #parts: Buffer[] = [];

  uint32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.bytes(bytes);
  }

  uint64(value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return this.bytes(bytes);
  }

  float32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return this.bytes(bytes);
  }

  string(value: string): this {
    const bytes = Buffer.from(value);
    return this.uint64(bytes.length).bytes(bytes);
  }

  bytes(bytes: Buffer): this {
    this.#parts.push(bytes);
    return this;
  }

  metadata(key: string, { type, value }: MetadataValue): this {
    this.string(key);
    switch (type) {
      case 'uint32':
        return this.uint32(TYPES.uint32).uint32(value);
      case 'float32':
        return this.uint32(TYPES.float32).float32(value);
      case 'string':
        return this.uint32(TYPES.string).string(value);
      case 'strings':
        this.uint32(TYPES.array).uint32(TYPES.string).uint64(value.length);
        for (const text of value) this.string(text);
        return this;
      case 'int32s':
        this.uint32(TYPES.array).uint32(TYPES.int32).uint64(value.length);
        return this.bytes(Buffer.from(Int32Array.from(value).buffer));
    }
  }

  finish(): Buffer {
    const bytes = Buffer.concat(this.#parts);
    return Buffer.concat([bytes, Buffer.alloc(padding(bytes.length))]);
  }
}

function padding(length: number): number {
  return (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT;
}

interface LlamaConfig extends LlamaSizes {
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
}

/** Writes a Hugging Face folder of a tied Llama in float32, with a byte-level tokenizer, as the GGUF file that llama.cpp runs. */
export async function writeGguf(folder: string, path: string): Promise<void> {
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as LlamaConfig;
  const { model: tokenizer } = JSON.parse(await readFile(join(folder, 'tokenizer.json'), 'utf8')) as {
    model: { vocab: Record<string, number>; merges: string[] };
  };
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(tokenizer.vocab)) tokens[id] = token;

  const heads = config.num_attention_heads;
  const size = config.hidden_size / heads;
  const metadata: Record<string, MetadataValue> = {
    'general.architecture': { type: 'string', value: 'llama' },
    'general.alignment': { type: 'uint32', value: ALIGNMENT },
    'general.file_type': { type: 'uint32', value: 0 },
    'llama.context_length': { type: 'uint32', value: config.max_position_embeddings },
    'llama.embedding_length': { type: 'uint32', value: config.hidden_size },
    'llama.block_count': { type: 'uint32', value: config.num_hidden_layers },
    'llama.feed_forward_length': { type: 'uint32', value: config.intermediate_size },
    'llama.attention.head_count': { type: 'uint32', value: heads },
    'llama.attention.head_count_kv': { type: 'uint32', value: config.num_key_value_heads },
    'llama.attention.layer_norm_rms_epsilon': { type: 'float32', value: config.rms_norm_eps },
    'llama.rope.freq_base': { type: 'float32', value: config.rope_theta },
    'llama.rope.dimension_count': { type: 'uint32', value: size },
    'llama.vocab_size': { type: 'uint32', value: config.vocab_size },
    'tokenizer.ggml.model': { type: 'string', value: 'gpt2' },
    'tokenizer.ggml.pre': { type: 'string', value: 'gpt-2' },
    'tokenizer.ggml.tokens': { type: 'strings', value: tokens },
    // 3: control tokens, 1: usual ones.
    'tokenizer.ggml.token_type': { type: 'int32s', value: tokens.map((_, id) => (id < 2 ? 3 : 1)) },
    'tokenizer.ggml.merges': { type: 'strings', value: ['w 1'] },
    'tokenizer.ggml.bos_token_id': { type: 'uint32', value: 0 },
    'tokenizer.ggml.eos_token_id': { type: 'uint32', value: 1 },
  };

  const names = tensorNames(config.num_hidden_layers);
  const weights = await SafetensorsFile.open(join(folder, 'model.safetensors'));
  const file = await open(path, 'w');
  try {
    const header = new Writer().bytes(Buffer.from('GGUF')).uint32(3);
    header.uint64(names.length).uint64(Object.keys(metadata).length);
    for (const [key, value] of Object.entries(metadata)) header.metadata(key, value);
    let offset = 0;
    for (const [name, source] of names) {
      const shape = weights.tensors.get(source)!.shape;
      header.string(name).uint32(shape.length);
      for (const dimension of [...shape].reverse()) header.uint64(dimension);
      header.uint32(F32).uint64(offset);
      const bytes = 4 * shape.reduce((a, b) => a * b, 1);
      offset += bytes + padding(bytes);
    }
    await file.write(header.finish());
    for (const [name, source] of names) {
      let values = await weights.read(source);
      if (name.endsWith('attn_q.weight')) values = neighbours(values, heads, config.hidden_size);
      if (name.endsWith('attn_k.weight'))
        values = neighbours(values, config.num_key_value_heads, config.hidden_size);
      await writePadded(file, Buffer.from(values.buffer, values.byteOffset, values.byteLength));
    }
  } finally {
    await file.close();
    await weights.close();
  }
}

async function writePadded(file: FileHandle, bytes: Buffer): Promise<void> {
  await file.write(bytes);
  await file.write(Buffer.alloc(padding(bytes.length)));
}

/** llama.cpp rotates neighbours of a head, Hugging Face features that are half a head apart: rows are put in the former's order. */
function neighbours(values: Float32Array, heads: number, columns: number): Float32Array {
  const size = values.length / heads / columns;
  const result = new Float32Array(values.length);
  for (let row = 0; row < heads * size; row++) {
    const feature = row % size;
    const source = row - feature + (feature % 2) * (size / 2) + (feature >> 1);
    result.set(values.subarray(source * columns, (source + 1) * columns), row * columns);
  }
  return result;
}

/** llama.cpp's name and Hugging Face's, of each tensor. */
function tensorNames(layers: number): [string, string][] {
  const ofLayer = [
    ['attn_norm', 'input_layernorm'],
    ['attn_q', 'self_attn.q_proj'],
    ['attn_k', 'self_attn.k_proj'],
    ['attn_v', 'self_attn.v_proj'],
    ['attn_output', 'self_attn.o_proj'],
    ['ffn_norm', 'post_attention_layernorm'],
    ['ffn_gate', 'mlp.gate_proj'],
    ['ffn_up', 'mlp.up_proj'],
    ['ffn_down', 'mlp.down_proj'],
  ] as const;
  const names: [string, string][] = [
    ['token_embd.weight', 'model.embed_tokens.weight'],
    ['output_norm.weight', 'model.norm.weight'],
  ];
  for (let layer = 0; layer < layers; layer++)
    for (const [theirs, ours] of ofLayer)
      names.push([`blk.${layer}.${theirs}.weight`, `model.layers.${layer}.${ours}.weight`]);
  return names;
}
