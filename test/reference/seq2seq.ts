/**
 * Encoder-decoders by their formulas, in the names of Hugging Face's checkpoints: a source and a target on
 * their own, nothing of batches, padding or caches.
 */
import type { TestTensors } from '#test/support/safetensors.js';
import { attention, type AttentionFields } from './attention.js';
import {
  ACTIVATIONS,
  add,
  layerNorm,
  linear,
  multiply,
  rmsNorm,
  row,
  scale,
  type Vector,
} from './operations.js';
import type { ReferenceConfig } from './encoder.js';

/** An encoder-decoder's numbers in float64. */
export interface Seq2SeqReference {
  /**
   * Hidden states of a source behind the encoder's last norm, `[length][hidden]`.
   *
   * @param source ids; of a model that hears, features `[bins, frames]`, one row after the other.
   */
  encode(source: readonly number[]): number[][];
  /**
   * Logits of every position of a target, `[length][vocabulary]`, given what {@link encode} made of the
   * source.
   */
  decode(memory: readonly Vector[], target: readonly number[]): number[][];
}

/** The formulas of a model by its `model_type`. */
export function seq2seqReference(config: ReferenceConfig, tensors: TestTensors): Seq2SeqReference {
  const weights = new Weights(tensors);
  return ['t5', 'mt5', 'umt5'].includes(config.model_type as string)
    ? t5(config, weights)
    : bart(config, weights);
}

/** The most likely text of a reference: what follows `start`, up to and with `end`, or of `limit` tokens. */
export function greedyTarget(
  reference: Seq2SeqReference,
  source: readonly number[],
  start: readonly number[],
  end: number,
  limit: number,
): number[] {
  const memory = reference.encode(source);
  const target = [...start];
  while (target.length < start.length + limit && (target.length === start.length || target.at(-1) !== end)) {
    const logits = reference.decode(memory, target).at(-1)!;
    target.push(logits.indexOf(Math.max(...logits)));
  }
  return target.slice(start.length);
}

type Side = 'encoder' | 'decoder';

/** A checkpoint's tensors. */
class Weights {
  readonly #tensors: TestTensors;

  constructor(tensors: TestTensors) {
    this.#tensors = tensors;
  }

  get(name: string): TestTensors[string] {
    const tensor = this.#tensors[name];
    if (tensor === undefined) throw new Error(`the test's model has no ${name}`);
    return tensor;
  }

  has(name: string): boolean {
    return this.#tensors[name] !== undefined;
  }

  /** The first of several tensors that the checkpoint has. */
  first(...names: string[]): TestTensors[string] {
    return this.get(names.find(name => this.has(name)) ?? names[0]!);
  }

  dense(x: Vector, name: string): number[] {
    return linear(x, this.get(`${name}.weight`), this.#tensors[`${name}.bias`]);
  }

  layerNorm(x: Vector, name: string): number[] {
    return layerNorm(x, this.get(`${name}.weight`).values, this.get(`${name}.bias`).values, 1e-5);
  }

  /** Attention of `states` to `memory` through four projections. */
  attend(
    states: readonly Vector[],
    memory: readonly Vector[],
    heads: number,
    [query, key, value, output]: readonly [string, string, string, string],
    fields: AttentionFields,
  ): number[][] {
    return attention(
      states.map(x => this.dense(x, query)),
      memory.map(x => this.dense(x, key)),
      memory.map(x => this.dense(x, value)),
      heads,
      fields,
    ).map(x => this.dense(x, output));
  }
}

const causally = (query: number, key: number): boolean => key <= query;

/** `x + f(x)` for every position. */
function plus(states: readonly Vector[], update: readonly Vector[]): number[][] {
  return states.map((x, i) => add(x, update[i]!));
}

/** In what the kin of BART (Lewis et al. 2019) differ. */
interface Kin {
  /** Norms before attention and feed-forward layer, and one more behind the last layer; else behind both. */
  readonly normsFirst: boolean;
  /**
   * A norm of the sum of embedding and position; `target tokens`: in the decoder, of the embedding alone,
   * which is not scaled there.
   */
  readonly normsEmbeddings: false | 'sums' | 'target tokens';
  /** What is added to the embedding at a position; of a learned table, the row of the first one. */
  readonly position: { readonly firstRow: number } | ((position: number, size: number) => number[]);
}

const KIN: Readonly<Record<string, Kin>> = {
  bart: { normsFirst: false, normsEmbeddings: 'sums', position: { firstRow: 2 } },
  mbart: { normsFirst: true, normsEmbeddings: 'sums', position: { firstRow: 2 } },
  blenderbot: { normsFirst: true, normsEmbeddings: false, position: { firstRow: 0 } },
  'blenderbot-small': { normsFirst: false, normsEmbeddings: 'target tokens', position: { firstRow: 0 } },
  marian: { normsFirst: false, normsEmbeddings: false, position: sinusoids },
  pegasus: { normsFirst: true, normsEmbeddings: false, position: sinusoids },
  whisper: { normsFirst: true, normsEmbeddings: false, position: { firstRow: 0 } },
  m2m_100: {
    normsFirst: true,
    normsEmbeddings: false,
    position: (position, size) => tensor2TensorSinusoids(position + 2, size),
  },
};

/** Angles `position · 10000^(-2i/size)` (Vaswani et al. 2017, section 3.5); all sines, then all cosines. */
function sinusoids(position: number, size: number): number[] {
  return halves(position, size, i => 10_000 ** ((-2 * i) / size));
}

/**
 * Angles `position · 10000^(-i/(size/2 - 1))`, as tensor2tensor and fairseq have them; all sines, then all
 * cosines.
 */
function tensor2TensorSinusoids(position: number, size: number): number[] {
  return halves(position, size, i => 10_000 ** (-i / (size / 2 - 1)));
}

function halves(position: number, size: number, frequency: (i: number) => number): number[] {
  const angles = Array.from({ length: size / 2 }, (_, i) => position * frequency(i));
  return [...angles.map(Math.sin), ...angles.map(Math.cos)];
}

/**
 * A convolution over time of kernel 3, with a point of zeros on either side, and GELU (Radford et al. 2022,
 * section 2.2).
 *
 * @param x `[time][inputs]`
 * @param kernel `[channels, inputs, 3]`
 */
function convolve(
  x: readonly Vector[],
  kernel: TestTensors[string],
  bias: Vector,
  stride: number,
): number[][] {
  const [channels, inputs] = kernel.shape as [number, number];
  return Array.from({ length: Math.ceil(x.length / stride) }, (_, t) =>
    Array.from({ length: channels }, (_, channel) => {
      let sum = bias[channel]!;
      for (let i = 0; i < inputs; i++)
        for (let tap = 0; tap < 3; tap++)
          sum += (x[t * stride + tap - 1]?.[i] ?? 0) * kernel.values[(channel * inputs + i) * 3 + tap]!;
      return ACTIVATIONS.gelu!(sum);
    }),
  );
}

/**
 * BART (Lewis et al. 2019), mBART (Liu et al. 2020), BlenderBot (Roller et al. 2020), Marian (Junczys-Dowmunt
 * et al. 2018), PEGASUS (Zhang et al. 2019), M2M-100 (Fan et al. 2020), and Whisper (Radford et al. 2022).
 */
function bart(config: ReferenceConfig, weights: Weights): Seq2SeqReference {
  const kin = KIN[config.model_type as string]!;
  const hidden = config.d_model as number;
  const factor = config.scale_embedding === true ? Math.sqrt(hidden) : 1;
  const activation = ACTIVATIONS[config.activation_function as string]!;

  const words = (side: Side): TestTensors[string] =>
    weights.first(`model.${side}.embed_tokens.weight`, 'model.shared.weight');
  const embed = (side: Side, ids: readonly number[]): number[][] =>
    ids.map((id, i) => {
      const word = row(words(side), id);
      const position =
        typeof kin.position === 'function'
          ? kin.position(i, hidden)
          : row(weights.get(`model.${side}.embed_positions.weight`), i + kin.position.firstRow);
      const norm = (x: Vector): number[] => weights.layerNorm(x, `model.${side}.layernorm_embedding`);
      if (kin.normsEmbeddings === 'target tokens' && side === 'decoder') return add(norm(word), position);
      const sum = add(scale(word, factor), position);
      return kin.normsEmbeddings === false ? sum : norm(sum);
    });
  const hear = (features: readonly number[]): number[][] => {
    const bins = config.num_mel_bins as number;
    const frames = features.length / bins;
    let states: number[][] = Array.from({ length: frames }, (_, t) =>
      Array.from({ length: bins }, (_, bin) => features[bin * frames + t]!),
    );
    for (const [name, stride] of [
      ['conv1', 1],
      ['conv2', 2],
    ] as const) {
      const [kernel, bias] = ['weight', 'bias'].map(part => weights.get(`model.encoder.${name}.${part}`));
      states = convolve(states, kernel!, bias!.values, stride);
    }
    return states.map((x, i) => add(x, row(weights.get('model.encoder.embed_positions.weight'), i)));
  };
  /** A sublayer with its norm and the way around it. */
  const around = (
    states: readonly Vector[],
    norm: string,
    sublayer: (states: readonly Vector[]) => number[][],
  ): number[][] => {
    const normed = (all: readonly Vector[]): number[][] => all.map(x => weights.layerNorm(x, norm));
    return kin.normsFirst ? plus(states, sublayer(normed(states))) : normed(plus(states, sublayer(states)));
  };
  const heads = (side: Side): number => config[`${side}_attention_heads`] as number;
  const projections = (name: string): [string, string, string, string] => [
    `${name}.q_proj`,
    `${name}.k_proj`,
    `${name}.v_proj`,
    `${name}.out_proj`,
  ];
  const feedForward =
    (layer: string) =>
    (states: readonly Vector[]): number[][] =>
      states.map(x => weights.dense(weights.dense(x, `${layer}.fc1`).map(activation), `${layer}.fc2`));
  const run = (
    side: Side,
    ids: readonly number[],
    layer: (states: readonly Vector[], name: string) => number[][],
  ): number[][] => {
    let states = side === 'encoder' && config.model_type === 'whisper' ? hear(ids) : embed(side, ids);
    for (let i = 0; i < (config[`${side}_layers`] as number); i++) {
      const name = `model.${side}.layers.${i}`;
      states = around(layer(states, name), `${name}.final_layer_norm`, feedForward(name));
    }
    return kin.normsFirst ? states.map(x => weights.layerNorm(x, `model.${side}.layer_norm`)) : states;
  };
  return {
    encode: source =>
      run('encoder', source, (states, name) =>
        around(states, `${name}.self_attn_layer_norm`, x =>
          weights.attend(x, x, heads('encoder'), projections(`${name}.self_attn`), {}),
        ),
      ),
    decode: (memory, target) => {
      const states = run('decoder', target, (before, name) => {
        const attended = around(before, `${name}.self_attn_layer_norm`, x =>
          weights.attend(x, x, heads('decoder'), projections(`${name}.self_attn`), { sees: causally }),
        );
        return around(attended, `${name}.encoder_attn_layer_norm`, x =>
          weights.attend(x, memory, heads('decoder'), projections(`${name}.encoder_attn`), {}),
        );
      });
      const projection = weights.has('lm_head.weight') ? weights.get('lm_head.weight') : words('decoder');
      const bias = weights.has('final_logits_bias')
        ? { shape: [projection.shape[0]!], values: weights.get('final_logits_bias').values }
        : undefined;
      return states.map(x => linear(x, projection, bias));
    },
  };
}

/**
 * The bucket of a distance (Raffel et al. 2019, section 2.1, and its code): half of the buckets, of each
 * direction where there are two, are for single distances; the others widen by the logarithm up to
 * `furthest`, and the last has all beyond.
 *
 * @param distance of the key from the query, negative before it.
 */
export function relativeBucket(
  distance: number,
  isBidirectional: boolean,
  buckets: number,
  furthest: number,
): number {
  const count = isBidirectional ? buckets / 2 : buckets;
  const first = isBidirectional && distance > 0 ? count : 0;
  const size = isBidirectional ? Math.abs(distance) : Math.max(0, -distance);
  const single = count / 2;
  if (size < single) return first + size;
  let step = 0;
  // The largest step with size >= single · (furthest / single)^(step / (count - single)).
  while (
    step < count - single - 1 &&
    (size / single) ** (count - single) >= (furthest / single) ** (step + 1)
  )
    step++;
  return first + single + step;
}

/** T5 (Raffel et al. 2019), T5 1.1 (Shazeer 2020), mT5 (Xue et al. 2020) and UMT5 (Chung et al. 2023). */
function t5(config: ReferenceConfig, weights: Weights): Seq2SeqReference {
  const heads = config.num_heads as number;
  const epsilon = config.layer_norm_epsilon as number;
  const form = config.feed_forward_proj as string;
  const isGated = form.startsWith('gated-');
  const activation = ACTIVATIONS[form === 'gated-gelu' ? 'gelu_new' : form.replace('gated-', '')]!;

  const norm = (states: readonly Vector[], name: string): number[][] =>
    states.map(x => rmsNorm(x, weights.get(`${name}.weight`).values, epsilon));
  const projections = (name: string): [string, string, string, string] => [
    `${name}.q`,
    `${name}.k`,
    `${name}.v`,
    `${name}.o`,
  ];
  const feedForward = (x: Vector, name: string): number[] => {
    if (!isGated) return weights.dense(weights.dense(x, `${name}.wi`).map(activation), `${name}.wo`);
    const gate = weights.dense(x, `${name}.wi_0`).map(activation);
    return weights.dense(multiply(gate, weights.dense(x, `${name}.wi_1`)), `${name}.wo`);
  };
  /** UMT5's layers have a table each; the others' share that of the first. */
  const bias = (side: Side, layer: number): AttentionFields['bias'] => {
    const owner = config.model_type === 'umt5' ? layer : 0;
    const name = `${side}.block.${owner}.layer.0.SelfAttention.relative_attention_bias.weight`;
    const table = weights.get(name);
    return (head, query, key) =>
      row(
        table,
        relativeBucket(
          key - query,
          side === 'encoder',
          config.relative_attention_num_buckets as number,
          config.relative_attention_max_distance as number,
        ),
      )[head]!;
  };
  const run = (
    side: Side,
    ids: readonly number[],
    layers: number,
    memory?: readonly Vector[],
  ): number[][] => {
    let states = ids.map(id => row(weights.get('shared.weight'), id));
    for (let layer = 0; layer < layers; layer++) {
      const block = `${side}.block.${layer}.layer`;
      let x = norm(states, `${block}.0.layer_norm`);
      const sees = memory === undefined ? {} : { sees: causally };
      const self = projections(`${block}.0.SelfAttention`);
      const fields = { ...sees, scale: 1, bias: bias(side, layer) };
      states = plus(states, weights.attend(x, x, heads, self, fields));
      if (memory !== undefined) {
        x = norm(states, `${block}.1.layer_norm`);
        const cross = projections(`${block}.1.EncDecAttention`);
        states = plus(states, weights.attend(x, memory, heads, cross, { scale: 1 }));
      }
      const last = `${block}.${memory === undefined ? 1 : 2}`;
      x = norm(states, `${last}.layer_norm`);
      states = plus(
        states,
        x.map(position => feedForward(position, `${last}.DenseReluDense`)),
      );
    }
    return norm(states, `${side}.final_layer_norm`);
  };
  const layers = config.num_layers as number;
  return {
    encode: source => run('encoder', source, layers),
    decode: (memory, target) => {
      const states = run('decoder', target, (config.num_decoder_layers as number | null) ?? layers, memory);
      const isTied = config.tie_word_embeddings !== false;
      // mT5 was never trained with tied embeddings, and its class has no factor for them.
      const isScaled = isTied && config.model_type !== 'mt5';
      const factor = isScaled ? (config.d_model as number) ** -0.5 : 1;
      const projection = weights.get(isTied ? 'shared.weight' : 'lm_head.weight');
      return states.map(x => linear(scale(x, factor), projection));
    },
  };
}
