import { existsSync } from 'node:fs';
import { mkdir, open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededRandom } from '#test/support/seeded-random.js';

/** Sizes of a Llama, or of a Mistral where there is a window, in the words of its config.json. */
export interface LlamaSizes {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly sliding_window?: number;
}

/** The shape of SmolLM2-135M: https://huggingface.co/HuggingFaceTB/SmolLM2-135M */
export const SMOLLM2_135M: LlamaSizes = {
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  vocab_size: 49152,
  max_position_embeddings: 2048,
};

/** The shape of Qwen2.5-0.5B, less its biases: https://huggingface.co/Qwen/Qwen2.5-0.5B */
export const QWEN25_0_5B: LlamaSizes = {
  hidden_size: 896,
  intermediate_size: 4864,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  vocab_size: 151936,
  max_position_embeddings: 2048,
};

/** The shape of Llama-3.2-1B: https://huggingface.co/meta-llama/Llama-3.2-1B */
export const LLAMA32_1B: LlamaSizes = {
  hidden_size: 2048,
  intermediate_size: 8192,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  vocab_size: 128256,
  max_position_embeddings: 131072,
};

/**
 * Writes a Hugging Face folder with random weights: real in shape and cost, not in what it says. Nothing is done where it exists already.
 *
 * @returns the folder.
 */
export async function writeRandomLlama(folder: string, sizes: LlamaSizes): Promise<string> {
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  await mkdir(partial, { recursive: true });
  await writeFile(
    join(partial, 'config.json'),
    JSON.stringify({
      ...(sizes.sliding_window === undefined
        ? { architectures: ['LlamaForCausalLM'], model_type: 'llama' }
        : { architectures: ['MistralForCausalLM'], model_type: 'mistral' }),
      hidden_act: 'silu',
      rms_norm_eps: 1e-5,
      rope_theta: 100000,
      tie_word_embeddings: true,
      attention_bias: false,
      bos_token_id: 0,
      eos_token_id: 1,
      torch_dtype: 'float32',
      ...sizes,
    }),
  );
  await writeTokenizer(partial, sizes.vocab_size);
  await writeSafetensors(join(partial, 'model.safetensors'), llamaTensors(sizes));
  await rename(partial, folder);
  return folder;
}

/** Writes a tokenizer that has a text for any id. */
export async function writeTokenizer(folder: string, vocabularySize: number): Promise<void> {
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(byteLevelTokenizer(vocabularySize)));
  await writeFile(
    join(folder, 'tokenizer_config.json'),
    JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast' }),
  );
}

export type Shapes = Record<string, readonly number[]>;

/** Names and shapes of a Llama's weights, its embedding tied. */
export function llamaTensors(sizes: LlamaSizes): Shapes {
  const { hidden_size: hidden, intermediate_size: intermediate } = sizes;
  const kv = (hidden / sizes.num_attention_heads) * sizes.num_key_value_heads;
  const shapes: Shapes = {
    'model.embed_tokens.weight': [sizes.vocab_size, hidden],
    'model.norm.weight': [hidden],
  };
  for (let layer = 0; layer < sizes.num_hidden_layers; layer++) {
    const prefix = `model.layers.${layer}`;
    Object.assign(shapes, {
      [`${prefix}.input_layernorm.weight`]: [hidden],
      [`${prefix}.post_attention_layernorm.weight`]: [hidden],
      [`${prefix}.self_attn.q_proj.weight`]: [hidden, hidden],
      [`${prefix}.self_attn.k_proj.weight`]: [kv, hidden],
      [`${prefix}.self_attn.v_proj.weight`]: [kv, hidden],
      [`${prefix}.self_attn.o_proj.weight`]: [hidden, hidden],
      [`${prefix}.mlp.gate_proj.weight`]: [intermediate, hidden],
      [`${prefix}.mlp.up_proj.weight`]: [intermediate, hidden],
      [`${prefix}.mlp.down_proj.weight`]: [hidden, intermediate],
    });
  }
  return shapes;
}

/** Writes random tensors: vectors are 1, all others uniform in ±0.05. */
export async function writeSafetensors(path: string, shapes: Shapes): Promise<void> {
  const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const end = offset + elements(shape) * 4;
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const random = seededRandom(1);
  const file = await open(path, 'w');
  try {
    await file.write(length);
    await file.write(json);
    for (const shape of Object.values(shapes)) {
      const values = new Float32Array(elements(shape));
      for (let i = 0; i < values.length; i++) values[i] = shape.length === 1 ? 1 : (random() - 0.5) / 10;
      await file.write(Buffer.from(values.buffer));
    }
  } finally {
    await file.close();
  }
}

/** A byte-level tokenizer: ids 2 to 257 are the bytes, the rest made-up words, so that any id has a text of usual length. */
function byteLevelTokenizer(vocabularySize: number): unknown {
  const vocab: Record<string, number> = { '<s>': 0, '</s>': 1 };
  const letters = byteLetters();
  letters.forEach((letter, i) => (vocab[letter] = i + 2));
  for (let id = letters.length + 2; id < vocabularySize; id++) vocab[`Ġw${id.toString(36)}`] = id;
  const special = (id: number, content: string): unknown => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [special(0, '<s>'), special(1, '</s>')],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges: [],
    },
  };
}

/** GPT-2's printable stand-ins for the 256 bytes. */
function byteLetters(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}
