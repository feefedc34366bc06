import { ReferenceModel, type DecoderConfig } from '#test/reference/decoder.js';
import {
  add,
  geluTanh,
  linear,
  mean,
  multiply,
  row,
  scale,
  type Vector,
} from '#test/reference/operations.js';
import { linearRope, plainRope } from '#test/reference/rope.js';
import {
  perLayerShapes,
  perLayerUpdate,
  perLayerUpdateShapes,
  perLayerVectors,
  sharedKeysAttention,
  type KeptKeys,
} from '#test/reference/shared-keys.js';
import type { TestTensors } from '#test/support/safetensors.js';
import { attentionShapes, caseModel, decoderShapes, gatedShapes, headNormShapes, SIZES } from './model.js';

const STREAMS = 3;
const ACTIVE = 2;
const RANK = 5;

/** By the names that published files have for rotary positions. */
const CONFIG = {
  ...SIZES,
  model_type: 'gemma3n_text',
  num_hidden_layers: 4,
  intermediate_size: [80, 64, 80, 48],
  head_dim: 24,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  hidden_activation: 'gelu_pytorch_tanh',
  sliding_window: 5,
  layer_types: ['full_attention', 'sliding_attention', 'sliding_attention', 'full_attention'],
  num_kv_shared_layers: 2,
  rope_theta: 1000,
  rope_scaling: { rope_type: 'linear', factor: 4 },
  rope_local_base_freq: 50,
  hidden_size_per_layer_input: 6,
  vocab_size_per_layer_input: 40,
  final_logit_softcapping: 3,
  laurel_rank: RANK,
  altup_num_inputs: STREAMS,
  altup_active_idx: ACTIVE,
  altup_correct_scale: true,
  activation_sparsity_pattern: [0.5, 0, 0.8, 0],
  tie_word_embeddings: true,
} as const;

const PER_LAYER = { size: 6, rows: 40 };

const WHOLE = { kvHeads: 2, headSize: 24, rope: linearRope(24, 1000, 4), window: undefined };
const WINDOWED = { ...WHOLE, rope: plainRope(24, 50), window: 5 };
const LAYERS = [
  { ...WHOLE, keysOf: undefined },
  { ...WINDOWED, keysOf: undefined },
  { ...WINDOWED, keysOf: 1 },
  { ...WHOLE, keysOf: 0 },
];

/** Deviations from the mean that so many of normally distributed numbers are below; the last is a table's value. */
const DEVIATIONS: Readonly<Record<number, number>> = { 0.5: 0, 0.8: 0.8416212335729143 };

function sparse(gate: Vector, share: number): number[] {
  if (share === 0) return [...gate];
  const middle = mean(gate);
  const deviation = Math.sqrt(mean(gate.map(value => (value - middle) ** 2)));
  return gate.map(value => Math.max(0, value - (middle + DEVIATIONS[share]! * deviation)));
}

function size(x: Vector): number {
  return Math.sqrt(mean(x.map(value => value * value)));
}

/** As large as another vector. */
function asLargeAs(target: Vector, x: Vector): number[] {
  return scale(x, size(target) / Math.max(size(x), Math.sqrt(1e-5)));
}

/** AltUp (Baykal et al. 2023), as Gemma 3n has it. */
class AlternatingUpdates {
  readonly #model: ReferenceModel;
  readonly #prefix: string;

  constructor(model: ReferenceModel, layer: number) {
    this.#model = model;
    this.#prefix = `model.layers.${layer}.altup`;
  }

  predict(streams: readonly Vector[]): number[][] {
    const mixing = this.#coefficients(streams[ACTIVE]!, 'prediction_coefs');
    return streams.map((stream, to) =>
      streams.reduce<number[]>(
        (sum, other, from) => add(sum, scale(other, mixing[to * STREAMS + from]!)),
        [...stream],
      ),
    );
  }

  correct(predicted: readonly Vector[], computed: Vector): number[][] {
    const shares = this.#coefficients(computed, 'correction_coefs');
    const innovation = add(computed, scale(predicted[ACTIVE]!, -1));
    return predicted.map((stream, i) => add(stream, scale(innovation, 1 + shares[i]!)));
  }

  #coefficients(x: Vector, name: string): number[] {
    const normed = scale(this.#model.norm(x, `${this.#prefix}.router_norm`), 1 / x.length);
    const routed = this.#model.linear(normed, `${this.#prefix}.modality_router`).map(Math.tanh);
    return this.#model.linear(routed, `${this.#prefix}.${name}`);
  }
}

function states(config: DecoderConfig, tensors: TestTensors, ids: readonly number[]): number[][] {
  const model = new ReferenceModel(config, tensors);
  const kept: KeptKeys = new Map();
  const embedding = model.tensor('model.embed_tokens.weight');
  const embedded = ids.map(id => scale(row(embedding, id), Math.sqrt(config.hidden_size)));
  const vectors = ids.map((id, i) => perLayerVectors(model, id, embedded[i]!, PER_LAYER));
  const others = Array.from({ length: STREAMS - 1 }, (_, i) => i);
  let streams = embedded.map(x => [
    x,
    ...others.map(i => asLargeAs(x, model.linear(x, `model.altup_projections.${i}`))),
  ]);
  for (let layer = 0; layer < CONFIG.num_hidden_layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const norm = (x: Vector, name: string): number[] => model.norm(x, `${prefix}.${name}`);
    const altup = new AlternatingUpdates(model, layer);
    const predicted = streams.map(token => altup.predict(token));
    const normed = predicted.map(token => norm(token[ACTIVE]!, 'input_layernorm'));
    const attended = sharedKeysAttention(model, normed, layer, LAYERS[layer]!, kept);
    streams = predicted.map((token, i) => {
      const low = model.linear(
        model.linear(normed[i]!, `${prefix}.laurel.linear_left`),
        `${prefix}.laurel.linear_right`,
      );
      const laurel = add(normed[i]!, norm(low, 'laurel.post_laurel_norm'));
      const attention = add(token[ACTIVE]!, norm(attended[i]!, 'post_attention_layernorm'));
      const between = scale(add(attention, laurel), Math.SQRT1_2);
      const read = norm(between, 'pre_feedforward_layernorm');
      const gate = sparse(
        model.linear(read, `${prefix}.mlp.gate_proj`),
        CONFIG.activation_sparsity_pattern[layer]!,
      ).map(geluTanh);
      const inner = multiply(gate, model.linear(read, `${prefix}.mlp.up_proj`));
      const fed = norm(model.linear(inner, `${prefix}.mlp.down_proj`), 'post_feedforward_layernorm');
      const corrected = altup.correct(token, add(between, fed));
      const scaled = multiply(
        corrected[ACTIVE]!,
        model.tensor(`${prefix}.altup.correct_output_scale`).values,
      );
      const update = perLayerUpdate(model, layer, scaled, vectors[i]![layer]!, geluTanh);
      return corrected.map((stream, nth) => (nth === 0 ? stream : add(stream, update)));
    });
  }
  return streams.map(token => {
    const closed = others.map(i =>
      asLargeAs(
        token[0]!,
        linear(token[i + 1]!, model.tensor(`model.altup_unembed_projections.${i}.weight`)),
      ),
    );
    const sum = closed.reduce((total, x) => add(total, x), token[0]!);
    return model.norm(scale(sum, 1 / STREAMS), 'model.norm');
  });
}

function layerShapes(index: number): Record<string, readonly number[]> {
  const { hidden_size: hidden, intermediate_size: inner } = CONFIG;
  const own = { ...attentionShapes(CONFIG), ...headNormShapes(CONFIG.head_dim) };
  // Published checkpoints have keys and values of all layers, which nobody reads.
  return {
    ...own,
    ...gatedShapes('mlp', hidden, inner[index]!),
    'pre_feedforward_layernorm.weight': [hidden],
    'post_feedforward_layernorm.weight': [hidden],
    ...perLayerUpdateShapes(hidden, PER_LAYER),
    'laurel.linear_left.weight': [RANK, hidden],
    'laurel.linear_right.weight': [hidden, RANK],
    'laurel.post_laurel_norm.weight': [hidden],
    'altup.router_norm.weight': [hidden],
    'altup.modality_router.weight': [STREAMS, hidden],
    'altup.prediction_coefs.weight': [STREAMS ** 2, STREAMS],
    'altup.correction_coefs.weight': [STREAMS, STREAMS],
    'altup.correct_output_scale': [hidden],
  };
}

const { hidden_size: HIDDEN } = CONFIG;
const PROJECTIONS = ['altup_projections', 'altup_unembed_projections'].flatMap(name =>
  Array.from({ length: STREAMS - 1 }, (_, i) => [`model.${name}.${i}.weight`, [HIDDEN, HIDDEN]] as const),
);

export const GEMMA3N = caseModel(
  'gemma3n_text',
  CONFIG,
  {
    ...decoderShapes(CONFIG, true, layerShapes),
    ...perLayerShapes(CONFIG.num_hidden_layers, HIDDEN, PER_LAYER),
    ...Object.fromEntries(PROJECTIONS),
  },
  states,
  { cap: 3 },
  // Scores without a factor are large, and what is routed by is small.
  (name, value) =>
    name.endsWith('q_norm.weight')
      ? value / 4
      : name.endsWith('router_norm.weight')
        ? (value * HIDDEN) / 4
        : value,
);
