import { moonshineReference } from '#test/reference/moonshine.js';
import { randomTensors, type Shapes } from '#test/support/random-tensors.js';
import type { Seq2SeqCase } from './seq2seq.js';

const HIDDEN = 24;
const INNER = 36;
const VOCABULARY = 61;
const LAYERS = { encoder: 2, decoder: 3 };

/** Two heads of 12, of whose features 10 turn. */
const CONFIG = {
  model_type: 'moonshine',
  architectures: ['MoonshineForConditionalGeneration'],
  is_encoder_decoder: true,
  hidden_size: HIDDEN,
  intermediate_size: INNER,
  encoder_num_hidden_layers: LAYERS.encoder,
  decoder_num_hidden_layers: LAYERS.decoder,
  encoder_num_attention_heads: 2,
  decoder_num_attention_heads: 2,
  encoder_hidden_act: 'gelu',
  decoder_hidden_act: 'silu',
  vocab_size: VOCABULARY,
  max_position_embeddings: 20,
  decoder_start_token_id: 1,
  bos_token_id: 1,
  eos_token_id: 2,
};

/** Tiny Moonshines with random weights: as they are published, and with all that their configuration may ask for. */
export const MOONSHINES: readonly Seq2SeqCase[] = [
  moonshine('moonshine'),
  moonshine('moonshine, biases, a projection of its own, other activations', {
    attention_bias: true,
    tie_word_embeddings: false,
    encoder_hidden_act: 'relu',
    decoder_hidden_act: 'gelu',
  }),
];

/** @param changes of the configuration. */
function moonshine(name: string, changes: Readonly<Record<string, unknown>> = {}): Seq2SeqCase {
  const config = { ...CONFIG, ...changes };
  const tensors = randomTensors(shapesOf(config));
  return { name, config, tensors, reference: moonshineReference(config, tensors) };
}

function shapesOf(config: Readonly<Record<string, unknown>>): Shapes {
  const shapes: Record<string, readonly number[]> = {
    'model.encoder.conv1.weight': [HIDDEN, 1, 127],
    'model.encoder.conv2.weight': [2 * HIDDEN, HIDDEN, 7],
    'model.encoder.conv2.bias': [2 * HIDDEN],
    'model.encoder.conv3.weight': [HIDDEN, 2 * HIDDEN, 3],
    'model.encoder.conv3.bias': [HIDDEN],
    'model.encoder.groupnorm.weight': [HIDDEN],
    'model.encoder.groupnorm.bias': [HIDDEN],
    'model.encoder.layer_norm.weight': [HIDDEN],
    'model.decoder.norm.weight': [HIDDEN],
    'model.decoder.embed_tokens.weight': [VOCABULARY, HIDDEN],
  };
  if (config.tie_word_embeddings === false) shapes['proj_out.weight'] = [VOCABULARY, HIDDEN];
  const dense = (name: string, rows: number, columns: number): void => {
    shapes[`${name}.weight`] = [rows, columns];
    shapes[`${name}.bias`] = [rows];
  };
  for (const side of ['encoder', 'decoder'] as const)
    for (let i = 0; i < LAYERS[side]; i++) {
      const layer = `model.${side}.layers.${i}`;
      for (const name of side === 'encoder' ? ['self_attn'] : ['self_attn', 'encoder_attn'])
        for (const part of ['q_proj', 'k_proj', 'v_proj', 'o_proj']) {
          shapes[`${layer}.${name}.${part}.weight`] = [HIDDEN, HIDDEN];
          if (config.attention_bias === true && part !== 'o_proj')
            shapes[`${layer}.${name}.${part}.bias`] = [HIDDEN];
        }
      dense(`${layer}.mlp.fc1`, side === 'encoder' ? INNER : 2 * INNER, HIDDEN);
      dense(`${layer}.mlp.fc2`, HIDDEN, INNER);
      const norms = ['input_layernorm', 'post_attention_layernorm'];
      for (const name of side === 'encoder' ? norms : [...norms, 'final_layernorm'])
        shapes[`${layer}.${name}.weight`] = [HIDDEN];
    }
  return shapes;
}
