import type { TestTensors } from '#test/support/safetensors.js';
import { attention, mapHeads, rotaryFrequencies, rotate } from './attention.js';
import { ACTIVATIONS, add, dot, layerNorm, linear, multiply, row, type Vector } from './operations.js';

/** A text on its own: nothing here knows of batches or padding. */
export interface ReferenceInput {
  readonly ids: readonly number[];
  readonly typeIds?: readonly number[] | undefined;
  readonly task?: number | undefined;
}

export type ReferenceConfig = Readonly<Record<string, unknown>>;

/** Names of a post-norm layer's weights, in the order query, key, value, output, norm, up, down, norm. */
const LAYERS: Readonly<Record<string, (i: number) => readonly string[]>> = {
  bert: i =>
    [
      'attention.self.query',
      'attention.self.key',
      'attention.self.value',
      'attention.output.dense',
      'attention.output.LayerNorm',
      'intermediate.dense',
      'output.dense',
      'output.LayerNorm',
    ].map(name => `encoder.layer.${i}.${name}`),
  distilbert: i =>
    [
      'attention.q_lin',
      'attention.k_lin',
      'attention.v_lin',
      'attention.out_lin',
      'sa_layer_norm',
      'ffn.lin1',
      'ffn.lin2',
      'output_layer_norm',
    ].map(name => `transformer.layer.${i}.${name}`),
  mpnet: i =>
    [
      'attention.attn.q',
      'attention.attn.k',
      'attention.attn.v',
      'attention.attn.o',
      'attention.LayerNorm',
      'intermediate.dense',
      'output.dense',
      'output.LayerNorm',
    ].map(name => `encoder.layer.${i}.${name}`),
};

/** A model's weights and fields, as its family's formulas read them. */
export class Weights {
  constructor(
    readonly tensors: TestTensors,
    readonly prefix: string,
  ) {}

  /** `prefix` may be missing where the checkpoint has no head. */
  get(name: string): TestTensors[string] {
    const found = this.find(name);
    if (found === undefined) throw new Error(`the test's model has no ${name}`);
    return found;
  }

  find(name: string): TestTensors[string] | undefined {
    return this.tensors[this.prefix + name] ?? this.tensors[name];
  }

  dense(x: Vector, name: string): number[] {
    return linear(x, this.get(`${name}.weight`), this.find(`${name}.bias`));
  }

  norm(x: Vector, name: string, epsilon: number): number[] {
    return layerNorm(x, this.get(`${name}.weight`).values, this.find(`${name}.bias`)?.values, epsilon);
  }
}

/** Hidden states of a text, `[length][hidden]`. */
export function hiddenStates(
  config: ReferenceConfig,
  tensors: TestTensors,
  input: ReferenceInput,
): number[][] {
  return config.model_type === 'modernbert'
    ? modernBert(config, tensors, input)
    : postNorm(config, tensors, input);
}

/** BERT, RoBERTa, DistilBERT and MPNet. */
function postNorm(
  config: ReferenceConfig,
  tensors: TestTensors,
  { ids, typeIds }: ReferenceInput,
): number[][] {
  const type = config.model_type as string;
  const weights = new Weights(tensors, `${type === 'xlm-roberta' ? 'roberta' : type}.`);
  const layerCount = (config.num_hidden_layers ?? config.n_layers) as number;
  const heads = (config.num_attention_heads ?? config.n_heads) as number;
  const epsilon = (config.layer_norm_eps ?? 1e-12) as number;
  const activation = ACTIVATIONS[(config.hidden_act ?? config.activation) as string]!;
  const first = type === 'bert' || type === 'distilbert' ? 0 : (config.pad_token_id as number) + 1;

  let states = ids.map((id, i) => {
    const word = row(weights.get('embeddings.word_embeddings.weight'), id);
    const positioned =
      config.sinusoidal_pos_embds === true
        ? add(word, sinusoid(i, word.length))
        : add(word, row(weights.get('embeddings.position_embeddings.weight'), first + i));
    const segments = weights.find('embeddings.token_type_embeddings.weight');
    const sum =
      segments === undefined
        ? positioned
        : add(positioned, row(segments, segments.shape[0] === 1 ? 0 : (typeIds?.[i] ?? 0)));
    return weights.norm(sum, 'embeddings.LayerNorm', epsilon);
  });
  const bias =
    type === 'mpnet'
      ? (h: number, query: number, key: number): number =>
          row(weights.get('encoder.relative_attention_bias.weight'), mpnetBucket(key - query))[h]!
      : undefined;
  for (let layer = 0; layer < layerCount; layer++) {
    const names = (LAYERS[type] ?? LAYERS.bert!)(layer);
    const project = (name: string): number[][] => states.map(x => weights.dense(x, name));
    const attended = attention(project(names[0]!), project(names[1]!), project(names[2]!), heads, { bias });
    states = states.map((x, i) => {
      const y = weights.norm(add(x, weights.dense(attended[i]!, names[3]!)), names[4]!, epsilon);
      const inner = weights.dense(y, names[5]!).map(activation);
      return weights.norm(add(y, weights.dense(inner, names[6]!)), names[7]!, epsilon);
    });
  }
  return states;
}

/** Vaswani et al. 2017, section 3.5. */
function sinusoid(position: number, size: number): number[] {
  return Array.from({ length: size }, (_, feature) => {
    const angle = position / 10_000 ** ((2 * Math.floor(feature / 2)) / size);
    return feature % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
}

/**
 * 32 buckets: distances 0 to 7 exactly, then 8 of them up to 128, by the logarithm; further ones for keys
 * behind the query.
 */
export function mpnetBucket(distance: number): number {
  const size = Math.abs(distance);
  // Borders at 8 · 16^(n/8).
  const borders = [8, 12, 16, 23, 32, 46, 64, 91];
  const bucket = size < 8 ? size : 7 + borders.filter(border => size >= border).length;
  return bucket + (distance > 0 ? 16 : 0);
}

function modernBert(config: ReferenceConfig, tensors: TestTensors, { ids }: ReferenceInput): number[][] {
  const weights = new Weights(tensors, 'model.');
  const heads = config.num_attention_heads as number;
  const epsilon = config.norm_eps as number;
  const size = (config.hidden_size as number) / heads;
  const reach = Math.floor((config.local_attention as number) / 2);
  const activation = ACTIVATIONS[config.hidden_activation as string]!;
  let states = ids.map(id =>
    weights.norm(row(weights.get('embeddings.tok_embeddings.weight'), id), 'embeddings.norm', epsilon),
  );
  for (let layer = 0; layer < (config.num_hidden_layers as number); layer++) {
    const prefix = `layers.${layer}`;
    const global = layer % (config.global_attn_every_n_layers as number) === 0;
    const theta = (global ? config.global_rope_theta : config.local_rope_theta) as number;
    const frequencies = rotaryFrequencies(size, theta);
    const packed = states.map(x => {
      const y = layer === 0 ? x : weights.norm(x, `${prefix}.attn_norm`, epsilon);
      return weights.dense(y, `${prefix}.attn.Wqkv`);
    });
    const width = size * heads;
    const third = (index: number): number[][] => packed.map(x => x.slice(index * width, (index + 1) * width));
    const turned = (vectors: number[][]): number[][] =>
      vectors.map((x, position) => mapHeads(x, size, h => rotate(h, position, frequencies)));
    const sees = (query: number, key: number): boolean => global || Math.abs(query - key) <= reach;
    const attended = attention(turned(third(0)), turned(third(1)), third(2), heads, { sees });
    states = states.map((x, i) => add(x, weights.dense(attended[i]!, `${prefix}.attn.Wo`)));
    states = states.map(x => {
      const wide = weights.dense(weights.norm(x, `${prefix}.mlp_norm`, epsilon), `${prefix}.mlp.Wi`);
      const inner = wide.slice(0, wide.length / 2).map(activation);
      return add(x, weights.dense(multiply(inner, wide.slice(wide.length / 2)), `${prefix}.mlp.Wo`));
    });
  }
  return states.map(x => weights.norm(x, 'final_norm', epsilon));
}

/** A text's vector from its hidden states, as sentence-transformers' `Pooling` makes it. */
export function pooled(states: readonly Vector[], mode: string): number[] {
  const weighted = (weight: (i: number) => number): number[] => {
    const sum = states.reduce<number[]>(
      (total, x, i) =>
        add(
          total,
          x.map(value => value * weight(i)),
        ),
      new Array<number>(states[0]!.length).fill(0),
    );
    return sum;
  };
  const length = states.length;
  switch (mode) {
    case 'cls':
      return [...states[0]!];
    case 'lasttoken':
      return [...states.at(-1)!];
    case 'max':
      return states[0]!.map((_, i) => Math.max(...states.map(x => x[i]!)));
    case 'mean':
      return weighted(() => 1 / length);
    case 'mean_sqrt_len_tokens':
      return weighted(() => 1 / Math.sqrt(length));
    case 'weightedmean':
      return weighted(i => (i + 1) / ((length * (length + 1)) / 2));
    default:
      throw new Error(`no pooling '${mode}'`);
  }
}

export function normalized(x: Vector): number[] {
  const length = Math.sqrt(dot(x, x));
  return x.map(value => value / length);
}

/** Logits of a classifier for the whole text. */
export function sequenceLogits(
  config: ReferenceConfig,
  tensors: TestTensors,
  input: ReferenceInput,
): number[] {
  const states = hiddenStates(config, tensors, input);
  const weights = new Weights(tensors, '');
  switch (config.model_type) {
    case 'bert':
      return weights.dense(weights.dense(states[0]!, 'bert.pooler.dense').map(Math.tanh), 'classifier');
    case 'distilbert':
      return weights.dense(
        weights.dense(states[0]!, 'pre_classifier').map(x => Math.max(0, x)),
        'classifier',
      );
    case 'modernbert':
      return weights.dense(
        modernBertHead(config, weights, pooled(states, config.classifier_pooling as string)),
        'classifier',
      );
    default:
      return weights.dense(
        weights.dense(states[0]!, 'classifier.dense').map(Math.tanh),
        'classifier.out_proj',
      );
  }
}

/** Logits of a classifier for each token, or of the beginning and end of a span. */
export function tokenLogits(
  config: ReferenceConfig,
  tensors: TestTensors,
  input: ReferenceInput,
  name = 'classifier',
): number[][] {
  const weights = new Weights(tensors, '');
  return hiddenStates(config, tensors, input).map(x =>
    config.model_type === 'modernbert'
      ? weights.dense(modernBertHead(config, weights, x), 'classifier')
      : weights.dense(x, name),
  );
}

/** Logits over the vocabulary, for each token. */
export function maskLogits(config: ReferenceConfig, tensors: TestTensors, input: ReferenceInput): number[][] {
  const weights = new Weights(tensors, '');
  const gelu = ACTIVATIONS.gelu!;
  const epsilon = (config.layer_norm_eps ?? 1e-12) as number;
  const body = config.model_type === 'xlm-roberta' ? 'roberta' : (config.model_type as string);
  let words = `${body}.embeddings.word_embeddings.weight`;
  let bias = 'lm_head.bias';
  let transform = (x: Vector): number[] =>
    weights.norm(weights.dense(x, 'lm_head.dense').map(gelu), 'lm_head.layer_norm', epsilon);
  if (body === 'bert') {
    const head = 'cls.predictions';
    bias = `${head}.bias`;
    transform = x =>
      weights.norm(
        weights.dense(x, `${head}.transform.dense`).map(gelu),
        `${head}.transform.LayerNorm`,
        epsilon,
      );
  } else if (body === 'distilbert') {
    bias = 'vocab_projector.bias';
    transform = x => weights.norm(weights.dense(x, 'vocab_transform').map(gelu), 'vocab_layer_norm', epsilon);
  } else if (body === 'modernbert') {
    words = 'model.embeddings.tok_embeddings.weight';
    bias = 'decoder.bias';
    transform = x => modernBertHead(config, weights, x);
  }
  return hiddenStates(config, tensors, input).map(x =>
    linear(transform(x), weights.get(words), weights.get(bias)),
  );
}

function modernBertHead(config: ReferenceConfig, weights: Weights, x: Vector): number[] {
  return weights.norm(
    weights.dense(x, 'head.dense').map(ACTIVATIONS.gelu!),
    'head.norm',
    config.norm_eps as number,
  );
}
