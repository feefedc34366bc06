/** Families of encoders beside those of `encoder.ts`, in float64, from their papers and published code. */
import type { TestTensors } from '#test/support/safetensors.js';
import { attention, groupedAttention, head, mapHeads, rotaryFrequencies, rotate } from './attention.js';
import { pooled, Weights, type ReferenceConfig, type ReferenceInput } from './encoder.js';
import {
  ACTIVATIONS,
  add,
  dot,
  linear,
  multiply,
  rmsNorm,
  row,
  scale,
  softmax,
  type Vector,
} from './operations.js';

type States = number[][];

/** A model as formulas read it. */
interface Model {
  readonly config: ReferenceConfig;
  /** Of the body. */
  readonly weights: Weights;
  readonly input: ReferenceInput;
}

const size = (config: ReferenceConfig, name: string, fallback?: number): number =>
  (config[name] ?? fallback) as number;

const gelu = ACTIVATIONS.gelu!;

const BODIES: Readonly<Record<string, string>> = {
  'data2vec-text': 'data2vec_text',
  'roberta-prelayernorm': 'roberta_prelayernorm',
  'xlm-roberta-xl': 'roberta',
  'megatron-bert': 'bert',
  'deberta-v2': 'deberta',
  jina_embeddings_v3: 'roberta',
  'xlm-roberta': 'roberta',
  eurobert: 'model',
  neobert: 'model',
};

function bodyOf(config: ReferenceConfig, tensors: TestTensors): Weights {
  const type = config.model_type as string;
  return new Weights(tensors, `${BODIES[type] ?? type}.`);
}

/**
 * Hu et al. 2021, section 4.1: the weights of one task, `W + B A α / r`; of embeddings, which are read the other way round,
 * `W + A B α / r`.
 */
function ofTask(config: ReferenceConfig, tensors: TestTensors, task: number): TestTensors {
  const rank = size(config, 'lora_rank', 1);
  const factor = size(config, 'lora_alpha', 1) / rank;
  const merged = Object.entries(tensors).map(([name, tensor]) => {
    const stem = name.replace(/\.original$/, '');
    if (stem === name) return [name, tensor] as const;
    const [rows, columns] = tensor.shape as [number, number];
    const [left, right] = name.includes('embeddings') ? ['A', 'B'] : ['B', 'A'];
    const of = (side: string): ArrayLike<number> => tensors[`${stem}.0.lora_${side}`]!.values;
    const [from, to] = [of(left), of(right)];
    const values = tensor.values.map((value, i) => {
      if (task === 0) return value;
      const [row, column] = [Math.floor(i / columns), i % columns];
      let sum = 0;
      for (let k = 0; k < rank; k++)
        sum += from[((task - 1) * rows + row) * rank + k]! * to[((task - 1) * rank + k) * columns + column]!;
      return value + factor * sum;
    });
    return [stem.replace('.parametrizations', ''), { ...tensor, values }] as const;
  });
  return Object.fromEntries(merged);
}

/** Hidden states of a text, `[length][hidden]`. */
export function familyStates(config: ReferenceConfig, tensors: TestTensors, input: ReferenceInput): States {
  const own = config.lora_rank === undefined ? tensors : ofTask(config, tensors, input.task ?? 0);
  const model = { config, weights: bodyOf(config, own), input };
  switch (config.model_type) {
    case 'eurobert':
      return euroBert(model);
    case 'neobert':
      return neoBert(model);
    case 'nomic_bert':
    case 'gte':
    case 'new':
    case 'jina_embeddings_v3':
    case 'xlm-roberta':
      return rotaryBert(model);
    case 'deberta':
    case 'deberta-v2':
      return deberta(model);
    case 'esm':
      return esm(model);
    case 'bert':
      return jinaBert(model);
    case 'albert':
      return albert(model);
    default:
      return bertLike(model);
  }
}

/** Token, position and segment vectors. */
function summedEmbeddings({ weights, input }: Model, first: number | undefined): States {
  const positions = weights.find('embeddings.position_embeddings.weight');
  const segments = weights.find('embeddings.token_type_embeddings.weight');
  const tasks = weights.find('embeddings.task_type_embeddings.weight');
  return input.ids.map((id, i) => {
    let x = row(weights.get('embeddings.word_embeddings.weight'), id);
    if (first !== undefined) x = add(x, row(positions!, first + i));
    if (segments !== undefined)
      x = add(x, row(segments, segments.shape[0] === 1 ? 0 : (input.typeIds?.[i] ?? 0)));
    return tasks === undefined ? x : add(x, row(tasks, 0));
  });
}

/** One layer's halves: what each adds to the residual stream. */
interface Layer {
  readonly attend: (x: States) => States;
  readonly feed: (x: Vector) => number[];
  readonly norms: readonly [string, string];
}

function postNorm(model: Model, x: States, layer: Layer): States {
  const epsilon = size(model.config, 'layer_norm_eps', 1e-12);
  const attended = layer.attend(x);
  return x.map((value, i) => {
    const y = model.weights.norm(add(value, attended[i]!), layer.norms[0], epsilon);
    return model.weights.norm(add(y, layer.feed(y)), layer.norms[1], epsilon);
  });
}

function preNorm(model: Model, x: States, layer: Layer): States {
  const epsilon = size(model.config, 'layer_norm_eps', 1e-12);
  const attended = layer.attend(x.map(value => model.weights.norm(value, layer.norms[0], epsilon)));
  return x.map((value, i) => {
    const y = add(value, attended[i]!);
    return add(y, layer.feed(model.weights.norm(y, layer.norms[1], epsilon)));
  });
}

/** BERT's attention, with whatever is done to queries and keys. */
function selfAttention(
  { config, weights }: Model,
  prefix: string,
  x: States,
  change: (vectors: States, side: 'query' | 'key') => States = vectors => vectors,
  bias?: (head: number, query: number, key: number) => number,
): States {
  const project = (name: string): States => x.map(value => weights.dense(value, `${prefix}.self.${name}`));
  const query = change(project('query'), 'query');
  const key = change(project('key'), 'key');
  const mixed = attention(query, key, project('value'), size(config, 'num_attention_heads'), { bias });
  return mixed.map(value => weights.dense(value, `${prefix}.output.dense`));
}

function plainLayer(
  model: Model,
  index: number,
  norms: readonly [string, string],
  activation = ACTIVATIONS[model.config.hidden_act as string]!,
  attend: Layer['attend'] = x => selfAttention(model, `encoder.layer.${index}.attention`, x),
): Layer {
  const prefix = `encoder.layer.${index}`;
  return {
    attend,
    feed: x =>
      model.weights.dense(
        model.weights.dense(x, `${prefix}.intermediate.dense`).map(activation),
        `${prefix}.output.dense`,
      ),
    norms: [`${prefix}.${norms[0]}`, `${prefix}.${norms[1]}`],
  };
}

const BEHIND = ['attention.output.LayerNorm', 'output.LayerNorm'] as const;

/** Norms of families that have them before each half, and their last one. */
const BEFORE: Readonly<Record<string, readonly [string, string, string]>> = {
  'roberta-prelayernorm': ['attention.LayerNorm', 'intermediate.LayerNorm', 'LayerNorm'],
  'xlm-roberta-xl': ['attention.self_attn_layer_norm', 'LayerNorm', 'encoder.LayerNorm'],
  'megatron-bert': ['attention.ln', 'ln', 'encoder.ln'],
};

function bertLike(model: Model): States {
  const { config, weights } = model;
  const type = config.model_type as string;
  const epsilon = size(config, 'layer_norm_eps', 1e-12);
  const counts = ['data2vec-text', 'roberta-prelayernorm', 'xlm-roberta-xl'].includes(type);
  let x = summedEmbeddings(model, counts ? size(config, 'pad_token_id', 1) + 1 : 0);
  if (type !== 'xlm-roberta-xl' && type !== 'megatron-bert')
    x = x.map(value => weights.norm(value, 'embeddings.LayerNorm', epsilon));
  if (weights.find('embeddings_project.weight') !== undefined)
    x = x.map(value => weights.dense(value, 'embeddings_project'));
  const before = BEFORE[type];
  for (let i = 0; i < size(config, 'num_hidden_layers'); i++)
    x =
      before === undefined
        ? postNorm(model, x, plainLayer(model, i, BEHIND))
        : preNorm(model, x, plainLayer(model, i, [before[0], before[1]]));
  return before === undefined ? x : x.map(value => weights.norm(value, before[2], epsilon));
}

/** Lan et al. 2019: groups of layers that share weights. */
function albert(model: Model): States {
  const { config, weights } = model;
  const epsilon = size(config, 'layer_norm_eps', 1e-12);
  const activation = ACTIVATIONS[config.hidden_act as string]!;
  let x = summedEmbeddings(model, 0)
    .map(value => weights.norm(value, 'embeddings.LayerNorm', epsilon))
    .map(value => weights.dense(value, 'encoder.embedding_hidden_mapping_in'));
  const layers = size(config, 'num_hidden_layers');
  for (let i = 0; i < layers; i++)
    for (let inner = 0; inner < size(config, 'inner_group_num'); inner++) {
      const group = Math.floor((i * size(config, 'num_hidden_groups')) / layers);
      const name = `encoder.albert_layer_groups.${group}.albert_layers.${inner}`;
      const project = (side: string): States =>
        x.map(value => weights.dense(value, `${name}.attention.${side}`));
      x = postNorm(model, x, {
        attend: () =>
          attention(
            project('query'),
            project('key'),
            project('value'),
            size(config, 'num_attention_heads'),
          ).map(value => weights.dense(value, `${name}.attention.dense`)),
        feed: value =>
          weights.dense(weights.dense(value, `${name}.ffn`).map(activation), `${name}.ffn_output`),
        norms: [`${name}.attention.LayerNorm`, `${name}.full_layer_layer_norm`],
      });
    }
  return x;
}

/** Rives et al. 2021, and rotary positions of Lin et al. 2023. */
function esm(model: Model): States {
  const { config, weights, input } = model;
  const epsilon = size(config, 'layer_norm_eps', 1e-12);
  const isRotary = config.position_embedding_type === 'rotary';
  const words = weights.get('embeddings.word_embeddings.weight');
  const isMask = (id: number): boolean => id === config.mask_token_id;
  const masked = input.ids.filter(isMask).length / input.ids.length;
  let x = input.ids.map((id, i) => {
    let value = row(words, id);
    if (config.token_dropout === true) value = scale(value, isMask(id) ? 0 : (1 - 0.15 * 0.8) / (1 - masked));
    if (!isRotary)
      value = add(
        value,
        row(weights.get('embeddings.position_embeddings.weight'), size(config, 'pad_token_id') + 1 + i),
      );
    return config.emb_layer_norm_before === true
      ? weights.norm(value, 'embeddings.layer_norm', epsilon)
      : value;
  });
  const headSize = size(config, 'hidden_size') / size(config, 'num_attention_heads');
  const frequencies = rotaryFrequencies(headSize, size(config, 'rope_theta', 10_000));
  const turn = (vectors: States): States =>
    isRotary ? vectors.map((v, i) => mapHeads(v, headSize, h => rotate(h, i, frequencies))) : vectors;
  for (let i = 0; i < size(config, 'num_hidden_layers'); i++)
    x = preNorm(
      model,
      x,
      plainLayer(model, i, ['attention.LayerNorm', 'LayerNorm'], gelu, value =>
        selfAttention(model, `encoder.layer.${i}.attention`, value, turn),
      ),
    );
  return x.map(value => weights.norm(value, 'encoder.emb_layer_norm_after', epsilon));
}

/** Günther et al. 2023, section 3; slopes as Press et al. 2021 choose them for three heads. */
function jinaBert(model: Model): States {
  const { config, weights } = model;
  const epsilon = size(config, 'layer_norm_eps', 1e-12);
  const slopes = [2 ** -4, 2 ** -8, 2 ** -2];
  const bias = (h: number, query: number, key: number): number => -slopes[h]! * Math.abs(query - key);
  let x = summedEmbeddings(model, undefined).map(value =>
    weights.norm(value, 'embeddings.LayerNorm', epsilon),
  );
  for (let i = 0; i < size(config, 'num_hidden_layers'); i++) {
    const name = `encoder.layer.${i}`;
    const isLater = weights.find(`${name}.layer_norm_1.weight`) !== undefined;
    const normed = (vectors: States, side: string): States =>
      isLater
        ? vectors.map(v => weights.norm(v, `${name}.attention.self.layer_norm_${side[0]!}`, epsilon))
        : vectors;
    const half = (value: Vector, name: string, nth: number): number[] => {
      const wide = weights.dense(value, name);
      return wide.slice((nth * wide.length) / 2, ((nth + 1) * wide.length) / 2);
    };
    const feed = (value: Vector): number[] => {
      const up = `${name}.mlp.${isLater ? 'up_gated_layer' : 'gated_layers'}`;
      const inner = multiply(half(value, up, isLater ? 1 : 0).map(gelu), half(value, up, isLater ? 0 : 1));
      return weights.dense(inner, `${name}.mlp.${isLater ? 'down_layer' : 'wo'}`);
    };
    const attend = (value: States): States => {
      const attended = selfAttention(model, `${name}.attention`, value, normed, bias);
      if (!isLater) return attended;
      return attended.map((v, t) =>
        weights.norm(add(v, value[t]!), `${name}.attention.output.LayerNorm`, epsilon),
      );
    };
    const norms = isLater
      ? ([`${name}.layer_norm_1`, `${name}.layer_norm_2`] as const)
      : ([`${name}.attention.output.LayerNorm`, `${name}.mlp.layernorm`] as const);
    x = postNorm(model, x, { attend, feed, norms });
  }
  return x;
}

/** Nomic, GTE and Jina v3: weights by the first of the names that are there. */
function rotaryBert(model: Model): States {
  const { weights } = model;
  const config: ReferenceConfig = {
    hidden_size: model.config.n_embd,
    num_hidden_layers: model.config.n_layer,
    num_attention_heads: model.config.n_head,
    ...model.config,
  };
  const type = config.model_type as string;
  const epsilon = size(config, 'layer_norm_eps', 1e-12);
  const heads = size(config, 'num_attention_heads');
  const headSize = size(config, 'hidden_size') / heads;
  const frequencies = rotaryOf(config, headSize);
  const turn = (vectors: States): States =>
    vectors.map((value, i) => mapHeads(value, headSize, h => rotate(h, i, frequencies)));
  const first = (...names: string[]): string =>
    names.find(name => weights.find(`${name}.weight`) !== undefined) ?? names[0]!;
  let x = summedEmbeddings(model, undefined).map(value =>
    weights.norm(value, first('emb_ln', 'embeddings.LayerNorm'), epsilon),
  );
  for (let i = 0; i < size(config, 'num_hidden_layers'); i++) {
    const at = (name: string): string[] =>
      ['layers', 'encoder.layers', 'encoder.layer'].map(place => `${place}.${i}.${name}`);
    const pick = (...names: string[]): string => first(...names.flatMap(at));
    const third = (value: Vector, nth: number): number[] => {
      const width = value.length;
      const packed = pick('attn.Wqkv', 'mixer.Wqkv', 'attention.qkv_proj');
      if (weights.find(`${packed}.weight`) !== undefined)
        return weights.dense(value, packed).slice(nth * width, (nth + 1) * width);
      return weights.dense(value, pick(`self_attn.${'qkv'[nth]!}_proj`));
    };
    const attend = (value: States): States => {
      const part = (nth: number): States => value.map(v => third(v, nth));
      return attention(turn(part(0)), turn(part(1)), part(2), heads).map(v =>
        weights.dense(v, pick('self_attn.o_proj', 'attn.out_proj', 'mixer.out_proj', 'attention.o_proj')),
      );
    };
    const feed = (value: Vector): number[] => {
      if (type === 'jina_embeddings_v3' || type === 'xlm-roberta')
        return weights.dense(weights.dense(value, pick('mlp.fc1')).map(gelu), pick('mlp.fc2'));
      const activation = type === 'nomic_bert' ? ACTIVATIONS.silu! : gelu;
      const both = pick('mlp.up_gate_proj');
      const isPacked = weights.find(`${both}.weight`) !== undefined;
      const wide = isPacked
        ? weights.dense(value, both)
        : [pick('mlp.up_proj', 'mlp.fc11'), pick('mlp.gate_proj', 'mlp.fc12')].flatMap(name =>
            weights.dense(value, name),
          );
      const inner = wide.length / 2;
      const product = multiply(wide.slice(0, inner), wide.slice(inner).map(activation));
      return weights.dense(product, pick('mlp.down_proj', 'mlp.fc2'));
    };
    x = postNorm({ ...model, config }, x, {
      attend,
      feed,
      norms: [
        pick('post_attention_layernorm', 'norm1', 'attn_ln'),
        pick('post_mlp_layernorm', 'norm2', 'mlp_ln'),
      ],
    });
  }
  return x;
}

const THETAS: Readonly<Record<string, number>> = {
  nomic_bert: 1000,
  gte: 160_000,
  jina_embeddings_v3: 20_000,
  'xlm-roberta': 20_000,
};

function rotaryOf(config: ReferenceConfig, headSize: number): number[] {
  const written = config.rope_parameters as { rope_theta: number } | undefined;
  const theta = written?.rope_theta ?? size(config, 'rope_theta', THETAS[config.model_type as string]);
  const scaling = config.rope_scaling as { factor: number } | undefined;
  if (scaling === undefined) return rotaryFrequencies(headSize, theta);
  // https://kexue.fm/archives/9706, equation 6: base 2 · 500 and a division by 2^(2/8) in the fixture.
  return rotaryFrequencies(headSize, theta * scaling.factor).map(f => f / scaling.factor ** (2 / headSize));
}

/** Le Breton et al. 2025, section 3: heads whose neighbouring features are complex numbers that turn. */
function neoBert({ config, weights, input }: Model): States {
  const epsilon = size(config, 'norm_eps');
  const headSize = size(config, 'dim_head');
  const heads = size(config, 'num_attention_heads');
  const frequencies = rotaryFrequencies(headSize, 10_000);
  const norm = (value: Vector, name: string): number[] =>
    rmsNorm(value, weights.get(`${name}.weight`).values, epsilon);
  const turned = (value: Vector, position: number): number[] =>
    mapHeads(value, headSize, h =>
      frequencies.flatMap((frequency, pair) => {
        const [real, imaginary] = [h[2 * pair]!, h[2 * pair + 1]!];
        const [cos, sin] = [Math.cos(position * frequency), Math.sin(position * frequency)];
        return [real * cos - imaginary * sin, real * sin + imaginary * cos];
      }),
    );
  let x: States = input.ids.map(id => row(weights.get('encoder.weight'), id));
  for (let i = 0; i < size(config, 'num_hidden_layers'); i++) {
    const name = `transformer_encoder.${i}`;
    const all = x.map(value => weights.dense(norm(value, `${name}.attention_norm`), `${name}.qkv`));
    const part = (nth: number): States =>
      all.map(value =>
        Array.from({ length: heads }, (_, head) => {
          const begin = (3 * head + nth) * headSize;
          return value.slice(begin, begin + headSize);
        }).flat(),
      );
    const mixed = attention(part(0).map(turned), part(1).map(turned), part(2), heads);
    x = x.map((value, t) => add(value, weights.dense(mixed[t]!, `${name}.wo`)));
    x = x.map(value => {
      const wide = weights.dense(norm(value, `${name}.ffn_norm`), `${name}.ffn.w12`);
      const [gate, up] = [wide.slice(0, wide.length / 2), wide.slice(wide.length / 2)];
      return add(value, weights.dense(multiply(gate.map(ACTIVATIONS.silu!), up), `${name}.ffn.w3`));
    });
  }
  return x.map(value => norm(value, 'layer_norm'));
}

/** Boizard et al. 2025: Llama's layers without a causal mask. */
function euroBert({ config, weights, input }: Model): States {
  const epsilon = size(config, 'rms_norm_eps', 1e-5);
  const headSize = size(config, 'head_dim');
  const shape = {
    heads: size(config, 'num_attention_heads'),
    kvHeads: size(config, 'num_key_value_heads'),
    headSize,
  };
  const norm = (value: Vector, name: string): number[] =>
    rmsNorm(value, weights.get(`${name}.weight`).values, epsilon);
  const frequencies = rotaryOf(config, headSize);
  const turn = (vectors: States): States =>
    vectors.map((value, i) => mapHeads(value, headSize, h => rotate(h, i, frequencies)));
  let x = input.ids.map(id => row(weights.get('embed_tokens.weight'), id));
  for (let i = 0; i < size(config, 'num_hidden_layers'); i++) {
    const name = `layers.${i}`;
    const read = x.map(value => norm(value, `${name}.input_layernorm`));
    const project = (side: string): States =>
      read.map(v => weights.dense(v, `${name}.self_attn.${side}_proj`));
    const mixed = groupedAttention(
      turn(project('q')),
      turn(project('k')),
      project('v'),
      shape,
      undefined,
      undefined,
      undefined,
      true,
    );
    x = x.map((value, t) => {
      const y = add(value, weights.dense(mixed[t]!, `${name}.self_attn.o_proj`));
      const z = norm(y, `${name}.post_attention_layernorm`);
      const inner = multiply(
        weights.dense(z, `${name}.mlp.gate_proj`).map(ACTIVATIONS.silu!),
        weights.dense(z, `${name}.mlp.up_proj`),
      );
      return add(y, weights.dense(inner, `${name}.mlp.down_proj`));
    });
  }
  return x.map(value => norm(value, 'norm'));
}

/** He et al. 2020, equations 2 to 4, and the buckets of DeBERTa V2's code. */
function deberta(model: Model): States {
  const { config, weights } = model;
  const isFirst = config.model_type === 'deberta';
  const epsilon = size(config, 'layer_norm_eps', 1e-7);
  const heads = size(config, 'num_attention_heads');
  const hidden = size(config, 'hidden_size');
  const headSize = hidden / heads;
  const terms = [config.pos_att_type].flat().flatMap(term => (term as string).split('|'));
  const most =
    size(config, 'max_relative_positions', -1) < 1
      ? size(config, 'max_position_embeddings')
      : size(config, 'max_relative_positions');
  const buckets = size(config, 'position_buckets', -1);
  const span = buckets > 0 ? buckets : most;
  const bucketOf = (distance: number): number => {
    const middle = Math.floor(buckets / 2);
    const length = Math.abs(distance);
    if (buckets <= 0 || length <= middle) return distance;
    const share = Math.log(length / middle) / Math.log((most - 1) / middle);
    // Borders that are meant to be whole numbers are not so in floats.
    return Math.sign(distance) * (Math.ceil(share * (middle - 1) - 1e-9) + middle);
  };
  const rowOf = (distance: number): number => Math.min(Math.max(bucketOf(distance) + span, 0), 2 * span - 1);
  const stored = weights.get('encoder.rel_embeddings.weight');
  const distances = Array.from({ length: 2 * span }, (_, i) => row(stored, i)).map(value =>
    config.norm_rel_ebd === 'layer_norm' ? weights.norm(value, 'encoder.LayerNorm', epsilon) : value,
  );

  let x = summedEmbeddings(model, config.position_biased_input === false ? undefined : 0);
  if (weights.find('embeddings.embed_proj.weight') !== undefined)
    x = x.map(value => weights.dense(value, 'embeddings.embed_proj'));
  x = x.map(value => weights.norm(value, 'embeddings.LayerNorm', epsilon));
  const embedded = x;
  for (let i = 0; i < size(config, 'num_hidden_layers'); i++) {
    const self = `encoder.layer.${i}.attention.self`;
    const attend = (value: States): States => {
      const sides = value.map(v => {
        if (!isFirst)
          return ['query_proj', 'key_proj', 'value_proj'].map(name => weights.dense(v, `${self}.${name}`));
        // Of each head queries, keys and values stand beside each other.
        const packed = weights.dense(v, `${self}.in_proj`);
        const side = (nth: number): number[] =>
          Array.from({ length: heads }, (_, h) => head(packed, 3 * h + nth, headSize)).flat();
        return [
          add(side(0), weights.get(`${self}.q_bias`).values),
          side(1),
          add(side(2), weights.get(`${self}.v_bias`).values),
        ];
      });
      const [positionKey, positionQuery] = isFirst
        ? ['pos_proj', 'pos_q_proj']
        : config.share_att_key === true
          ? ['key_proj', 'query_proj']
          : ['pos_key_proj', 'pos_query_proj'];
      const projected = (name: string): States => distances.map(v => weights.dense(v, `${self}.${name}`));
      const keys = terms.includes('c2p') ? projected(positionKey) : undefined;
      const queries = terms.includes('p2c') ? projected(positionQuery) : undefined;
      const factor = Math.sqrt(headSize * (1 + terms.length));
      return sides.map(([query], q) => {
        const mixed = Array.from({ length: heads }, (_, h) => {
          const of = (v: Vector): number[] => head(v, h, headSize);
          const scores = sides.map(([, key], k) => {
            const place = rowOf(q - k);
            return (
              (dot(of(query!), of(key!)) +
                (keys === undefined ? 0 : dot(of(query!), of(keys[place]!))) +
                (queries === undefined ? 0 : dot(of(key!), of(queries[place]!)))) /
              factor
            );
          });
          const probabilities = softmax(scores);
          return sides.reduce<number[]>(
            (sum, [, , v], k) => add(sum, scale(of(v!), probabilities[k]!)),
            new Array<number>(headSize).fill(0),
          );
        }).flat();
        return weights.dense(mixed, `encoder.layer.${i}.attention.output.dense`);
      });
    };
    x = postNorm({ ...model, config: { ...config, layer_norm_eps: epsilon } }, x, {
      ...plainLayer(model, i, BEHIND),
      attend,
    });
    if (i === 0 && weights.find('encoder.conv.conv.weight') !== undefined) {
      const convolved = convolution(model, embedded);
      x = x.map((value, t) => weights.norm(add(value, convolved[t]!), 'encoder.conv.LayerNorm', epsilon));
    }
  }
  return x;
}

/** A convolution over tokens with zeros at both ends, in groups of channels, and its activation. */
function convolution({ config, weights }: Model, x: States): States {
  const kernel = weights.get('encoder.conv.conv.weight');
  const bias = weights.get('encoder.conv.conv.bias').values;
  const [outputs, inputs, length] = kernel.shape as [number, number, number];
  const perGroup = outputs / size(config, 'conv_groups', 1);
  const activation = ACTIVATIONS[config.conv_act as string]!;
  return x.map((_, t) =>
    Array.from({ length: outputs }, (_, output) => {
      const firstInput = Math.floor(output / perGroup) * inputs;
      let sum = bias[output]!;
      for (let input = 0; input < inputs; input++)
        for (let k = 0; k < length; k++)
          sum +=
            kernel.values[(output * inputs + input) * length + k]! *
            (x[t + k - (length - 1) / 2]?.[firstInput + input] ?? 0);
      return activation(sum);
    }),
  );
}

/** Names of the parts of a family's head for masked tokens. */
interface MaskHead {
  readonly dense: string;
  readonly norm: string;
  readonly bias: string;
  readonly activation?: string;
}

function maskHead(config: ReferenceConfig, weights: Weights): MaskHead {
  const { hidden_act: act } = config as { hidden_act: string };
  switch (config.model_type) {
    case 'electra':
      return {
        dense: 'generator_predictions.dense',
        norm: 'generator_predictions.LayerNorm',
        bias: 'generator_lm_head.bias',
        activation: 'gelu',
      };
    case 'albert':
      return {
        dense: 'predictions.dense',
        norm: 'predictions.LayerNorm',
        bias: 'predictions.bias',
        activation: act,
      };
    case 'gte':
    case 'new': {
      const norm = weights.find('lm_head.norm.weight') === undefined ? 'layer_norm' : 'norm';
      return { dense: 'lm_head.dense', norm: `lm_head.${norm}`, bias: 'lm_head.decoder.bias' };
    }
    case 'data2vec-text':
    case 'roberta-prelayernorm':
    case 'xlm-roberta-xl':
    case 'esm':
    case 'jina_embeddings_v3':
      return { dense: 'lm_head.dense', norm: 'lm_head.layer_norm', bias: 'lm_head.bias' };
    default: {
      const own = 'cls.predictions';
      const norm = config.model_type === 'nomic_bert' ? 'layer_norm' : 'LayerNorm';
      const activation = config.model_type === 'nomic_bert' ? 'silu' : act;
      return {
        dense: `${own}.transform.dense`,
        norm: `${own}.transform.${norm}`,
        bias: `${own}.bias`,
        activation,
      };
    }
  }
}

/** Logits over the vocabulary, for each token. */
export function familyMaskLogits(
  config: ReferenceConfig,
  tensors: TestTensors,
  input: ReferenceInput,
): States {
  const states = familyStates(config, tensors, input);
  const weights = new Weights(tensors, '');
  if (config.model_type === 'eurobert') return states.map(x => weights.dense(x, 'lm_head'));
  if (config.model_type === 'neobert') return states.map(x => weights.dense(x, 'decoder'));
  const { dense, norm, bias, activation = 'gelu' } = maskHead(config, weights);
  const fallback = (config.model_type as string).startsWith('deberta') ? 1e-7 : 1e-12;
  const words = bodyOf(config, tensors).get('embeddings.word_embeddings.weight');
  return states.map(x => {
    const y = weights.dense(x, dense).map(ACTIVATIONS[activation]!);
    return linear(weights.norm(y, norm, size(config, 'layer_norm_eps', fallback)), words, weights.get(bias));
  });
}

/** Logits of a classifier for the whole text. */
export function familyTextLogits(
  config: ReferenceConfig,
  tensors: TestTensors,
  input: ReferenceInput,
): number[] {
  const states = familyStates(config, tensors, input);
  const weights = new Weights(tensors, '');
  const body = bodyOf(config, tensors);
  const first = states[0]!;
  switch (config.model_type) {
    case 'neobert':
      return weights.dense(weights.dense(first, 'dense').map(Math.tanh), 'classifier');
    case 'eurobert':
      return pooled(
        states.map(x => weights.dense(weights.dense(x, 'dense').map(gelu), 'classifier')),
        'mean',
      );
    case 'deberta':
    case 'deberta-v2':
      return weights.dense(weights.dense(first, 'pooler.dense').map(gelu), 'classifier');
    case 'albert':
      return weights.dense(body.dense(first, 'pooler').map(Math.tanh), 'classifier');
    case 'electra':
      return weights.dense(weights.dense(first, 'classifier.dense').map(gelu), 'classifier.out_proj');
    case 'data2vec-text':
    case 'roberta-prelayernorm':
    case 'xlm-roberta-xl':
    case 'esm':
    case 'jina_embeddings_v3':
    case 'xlm-roberta':
      return weights.dense(weights.dense(first, 'classifier.dense').map(Math.tanh), 'classifier.out_proj');
    default:
      return weights.dense(body.dense(first, 'pooler.dense').map(Math.tanh), 'classifier');
  }
}

/** Logits of a classifier for each token, or of the beginning and end of a span. */
export function familyTokenLogits(
  config: ReferenceConfig,
  tensors: TestTensors,
  input: ReferenceInput,
  name = 'classifier',
): States {
  const weights = new Weights(tensors, '');
  const hasLayer = config.model_type === 'neobert' && name === 'classifier';
  return familyStates(config, tensors, input).map(x =>
    weights.dense(hasLayer ? weights.dense(x, 'dense').map(Math.tanh) : x, name),
  );
}
