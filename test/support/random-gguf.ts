import { randomBytes } from './fake-hub.js';
import { gguf, type TestGgufTensor, type TestValue } from './gguf.js';
import { tokenizerMetadata } from './gguf-tokenizer.js';

const HIDDEN = 64;
const HEADS = 4;
const INNER = 96;

/** A Llama of one layer with random weights as a GGUF file, always the same; its tokenizer is that of the fixtures. */
export async function randomGguf(): Promise<Buffer> {
  const tokenizer = await tokenizerMetadata('llama');
  const tokens = tokenizer.strings('tokenizer.ggml.tokens');
  const metadata: Record<string, TestValue> = {
    'general.architecture': { type: 'string', value: 'llama' },
    'llama.block_count': { type: 'uint32', value: 1 },
    'llama.context_length': { type: 'uint32', value: 96 },
    'llama.embedding_length': { type: 'uint32', value: HIDDEN },
    'llama.feed_forward_length': { type: 'uint32', value: INNER },
    'llama.attention.head_count': { type: 'uint32', value: HEADS },
    'llama.attention.layer_norm_rms_epsilon': { type: 'float32', value: 1e-5 },
    'tokenizer.ggml.model': { type: 'string', value: 'llama' },
    'tokenizer.ggml.tokens': { type: 'array', of: 'string', value: tokens },
    'tokenizer.ggml.scores': {
      type: 'array',
      of: 'float32',
      value: tokenizer.numbers('tokenizer.ggml.scores'),
    },
    'tokenizer.ggml.token_type': {
      type: 'array',
      of: 'int32',
      value: tokenizer.numbers('tokenizer.ggml.token_type'),
    },
  };
  const square = [HIDDEN, HIDDEN];
  const tensors = {
    'token_embd.weight': random('embedding', [tokens.length, HIDDEN]),
    'output_norm.weight': random('norm', [HIDDEN]),
    'blk.0.attn_norm.weight': random('attention norm', [HIDDEN]),
    'blk.0.attn_q.weight': random('q', square),
    'blk.0.attn_k.weight': random('k', square),
    'blk.0.attn_v.weight': random('v', square),
    'blk.0.attn_output.weight': random('output', square),
    'blk.0.ffn_norm.weight': random('feed-forward norm', [HIDDEN]),
    'blk.0.ffn_gate.weight': random('gate', [INNER, HIDDEN]),
    'blk.0.ffn_up.weight': random('up', [INNER, HIDDEN]),
    'blk.0.ffn_down.weight': random('down', [HIDDEN, INNER]),
  };
  return gguf({ metadata, tensors });
}

/** Numbers from -0.5 to 0.5 in 32 bits. */
function random(seed: string, shape: readonly number[]): TestGgufTensor {
  const elements = shape.reduce((product, size) => product * size, 1);
  const numbers = Float32Array.from(randomBytes(elements, seed), byte => byte / 255 - 0.5);
  return { type: 'F32', shape, bytes: new Uint8Array(numbers.buffer) };
}
