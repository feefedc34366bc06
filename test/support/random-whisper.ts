import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSafetensors, type Shapes } from '#bench/support/random-model.js';
import { whisperTokenizerDefinition } from './whisper-tokenizer.js';

const HIDDEN = 16;
const INNER = 32;
const BINS = 80;
const POSITIONS = 1500;
const CONTEXT = 448;

/** What a `tokenizer.json` has of ids. */
interface Vocabulary {
  readonly model: { readonly vocab: Readonly<Record<string, number>> };
}

/**
 * Writes a Whisper of one layer with random weights into a new folder, which is removed when the test is over: it
 * hears windows of 30 seconds, and writes at random what the rules of times allow.
 *
 * @param generation fields of its generation_config.json.
 */
export async function randomWhisper(
  t: { teardown(remove: () => Promise<void>): void },
  generation: object = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kvasir-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const tokenizer = whisperTokenizerDefinition();
  const { vocab } = (tokenizer as unknown as Vocabulary).model;
  const size = Object.keys(vocab).length;
  const [start, end] = [vocab['<|startoftranscript|>']!, vocab['<|endoftext|>']!];
  const config = {
    architectures: ['WhisperForConditionalGeneration'],
    model_type: 'whisper',
    activation_function: 'gelu',
    is_encoder_decoder: true,
    d_model: HIDDEN,
    encoder_layers: 1,
    decoder_layers: 1,
    encoder_attention_heads: 2,
    decoder_attention_heads: 2,
    encoder_ffn_dim: INNER,
    decoder_ffn_dim: INNER,
    max_source_positions: POSITIONS,
    max_target_positions: CONTEXT,
    num_mel_bins: BINS,
    vocab_size: size,
    decoder_start_token_id: start,
    bos_token_id: end,
    eos_token_id: end,
    pad_token_id: end,
  };
  const files = {
    'config.json': config,
    'generation_config.json': {
      decoder_start_token_id: start,
      eos_token_id: end,
      alignment_heads: [[0, 1]],
      is_multilingual: true,
      ...generation,
    },
    'tokenizer.json': tokenizer,
  };
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), JSON.stringify(content));
  await writeSafetensors(join(folder, 'model.safetensors'), whisperTensors(size));
  return folder;
}

/** Names and shapes of its weights. */
function whisperTensors(vocabularySize: number): Shapes {
  const shapes: Shapes = {
    'model.encoder.conv1.weight': [HIDDEN, BINS, 3],
    'model.encoder.conv1.bias': [HIDDEN],
    'model.encoder.conv2.weight': [HIDDEN, HIDDEN, 3],
    'model.encoder.conv2.bias': [HIDDEN],
    'model.encoder.embed_positions.weight': [POSITIONS, HIDDEN],
    'model.decoder.embed_positions.weight': [CONTEXT, HIDDEN],
    'model.decoder.embed_tokens.weight': [vocabularySize, HIDDEN],
  };
  const norm = (name: string): Shapes => ({ [`${name}.weight`]: [HIDDEN], [`${name}.bias`]: [HIDDEN] });
  const linear = (name: string, rows: number, columns: number): Shapes => ({
    [`${name}.weight`]: [rows, columns],
    [`${name}.bias`]: [rows],
  });
  const attention = (name: string): Shapes => ({
    [`${name}.k_proj.weight`]: [HIDDEN, HIDDEN],
    ...linear(`${name}.q_proj`, HIDDEN, HIDDEN),
    ...linear(`${name}.v_proj`, HIDDEN, HIDDEN),
    ...linear(`${name}.out_proj`, HIDDEN, HIDDEN),
    ...norm(`${name}_layer_norm`),
  });
  for (const side of ['encoder', 'decoder']) {
    const layer = `model.${side}.layers.0`;
    Object.assign(
      shapes,
      norm(`model.${side}.layer_norm`),
      attention(`${layer}.self_attn`),
      side === 'decoder' ? attention(`${layer}.encoder_attn`) : {},
      linear(`${layer}.fc1`, INNER, HIDDEN),
      linear(`${layer}.fc2`, HIDDEN, INNER),
      norm(`${layer}.final_layer_norm`),
    );
  }
  return shapes;
}
