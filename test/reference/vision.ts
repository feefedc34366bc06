/** Encoders of pictures and two towers by their papers, one picture at a time, in float64; nothing of the product is shared. */
import type { TestTensor, TestTensors } from '#test/support/safetensors.js';
import { attention } from './attention.js';
import { bicubicGrid } from './bicubic.js';
import {
  ACTIVATIONS,
  add,
  layerNorm,
  linear,
  mean,
  multiply,
  scale,
  sigmoid,
  silu,
  type Vector,
} from './operations.js';

export type Fields = Readonly<Record<string, unknown>>;

/** A picture of bytes, `[height][width][3]`. */
export interface ReferencePicture {
  readonly height: number;
  readonly width: number;
  readonly pixels: ArrayLike<number>;
}

/** A channel's byte `b` becomes `(b · scale - mean) / deviation`. */
export interface ReferencePixels {
  readonly scale: number;
  readonly mean: Vector;
  readonly deviation: Vector;
}

const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  ...ACTIVATIONS,
  gelu_pytorch_tanh: ACTIVATIONS.gelu_new!,
  quick_gelu: x => x * sigmoid(1.702 * x),
};

/** Weights by their names behind a prefix, which a checkpoint without a head has not. */
class Weights {
  constructor(
    readonly tensors: TestTensors,
    readonly prefix = '',
  ) {}

  find(name: string): TestTensor | undefined {
    return this.tensors[this.prefix + name] ?? this.tensors[name];
  }

  get(name: string): TestTensor {
    const found = this.find(name);
    if (found === undefined) throw new Error(`the test's model has no ${name}`);
    return found;
  }

  dense(x: Vector, name: string): number[] {
    return linear(x, this.get(`${name}.weight`), this.find(`${name}.bias`));
  }

  norm(x: Vector, name: string, epsilon: number): number[] {
    return layerNorm(x, this.get(`${name}.weight`).values, this.get(`${name}.bias`).values, epsilon);
  }

  rows(name: string): number[][] {
    const { shape, values } = this.get(name);
    const width = shape.at(-1)!;
    return Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
  }
}

/** Names in a layer, in the order query, key, value, output, norm, norm, up, down, and what else there is. */
interface Names {
  readonly layer: readonly string[];
  readonly scales?: readonly [string, string];
  readonly gate?: string;
  readonly upHasGate?: boolean;
}

type Bias = (head: number, query: number, key: number) => number;

/** `(v₁, v₂, ...)` of a picture's tokens behind a pre-norm layer. */
function preNormLayer(
  x: readonly Vector[],
  w: Weights,
  { layer: [q, k, v, o, norm1, norm2, up, down], scales, gate, upHasGate }: Names,
  heads: number,
  epsilon: number,
  act: (x: number) => number,
  {
    bias,
    turn = y => [...y],
    attend = (queries, keys, values) => attention(queries, keys, values, heads, { bias }),
  }: {
    readonly bias?: Bias | undefined;
    readonly turn?: (y: Vector, token: number) => number[];
    readonly attend?: (
      queries: readonly Vector[],
      keys: readonly Vector[],
      values: readonly Vector[],
    ) => number[][];
  } = {},
): number[][] {
  const scaled = (y: Vector, half: 0 | 1): number[] =>
    scales === undefined ? [...y] : multiply(y, w.get(scales[half]).values);
  const before = x.map(token => w.norm(token, norm1!, epsilon));
  const attended = attend(
    before.map((token, i) => turn(w.dense(token, q!), i)),
    before.map((token, i) => turn(w.dense(token, k!), i)),
    before.map(token => w.dense(token, v!)),
  );
  return x.map((token, i) => {
    const middle = add(token, scaled(w.dense(attended[i]!, o!), 0));
    const read = w.norm(middle, norm2!, epsilon);
    const opened = w.dense(read, up!);
    const half = opened.length / 2;
    const inner = upHasGate
      ? multiply(opened.slice(0, half).map(silu), opened.slice(half))
      : gate === undefined
        ? opened.map(act)
        : multiply(w.dense(read, gate).map(act), opened);
    return add(middle, scaled(w.dense(inner, down!), 1));
  });
}

/** A convolution whose step is its size, row by row (Dosovitskiy et al. 2020, section 3.1). */
function patches(
  { height, width, pixels }: ReferencePicture,
  { scale: factor, mean: middle, deviation }: ReferencePixels,
  { shape, values }: TestTensor,
  bias: TestTensor | undefined,
): { readonly rows: number; readonly columns: number; readonly vectors: number[][] } {
  const [hidden, , side] = shape as [number, number, number];
  const [rows, columns] = [Math.floor(height / side), Math.floor(width / side)];
  const vectors: number[][] = [];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      vectors.push(
        Array.from({ length: hidden }, (_, feature) => {
          let sum = bias?.values[feature] ?? 0;
          for (let channel = 0; channel < 3; channel++)
            for (let y = 0; y < side; y++)
              for (let x = 0; x < side; x++) {
                const at = ((row * side + y) * width + column * side + x) * 3 + channel;
                const value = (pixels[at]! * factor - middle[channel]!) / deviation[channel]!;
                sum += value * values[((feature * 3 + channel) * side + y) * side + x]!;
              }
          return sum;
        }),
      );
  return { rows, columns, vectors };
}

function withNames(prefix: string, names: readonly string[]): string[] {
  return names.map(name => `${prefix}.${name}`);
}

const VIT_LAYER = [
  'attention.attention.query',
  'attention.attention.key',
  'attention.attention.value',
  'attention.output.dense',
  'layernorm_before',
  'layernorm_after',
  'intermediate.dense',
  'output.dense',
];

const TOWER_LAYER = [
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.out_proj',
  'layer_norm1',
  'layer_norm2',
  'mlp.fc1',
  'mlp.fc2',
];

/** The bias of a learned table for distances in a grid (Bao et al. 2021, with a class token; Liu et al. 2021). */
function gridBias(table: TestTensor, rows: number, columns: number, withClass: boolean): Bias {
  const heads = table.shape[1]!;
  const first = withClass ? 1 : 0;
  const distances = (2 * rows - 1) * (2 * columns - 1);
  return (head, query, key) => {
    const [q, k] = [query - first, key - first];
    const down = Math.floor(q / columns) - Math.floor(k / columns);
    const right = (q % columns) - (k % columns);
    const index =
      q < 0 && k < 0
        ? distances + 2
        : q < 0
          ? distances
          : k < 0
            ? distances + 1
            : (down + rows - 1) * (2 * columns - 1) + right + columns - 1;
    return table.values[index * heads + head]!;
  };
}

/** All tokens of a picture behind the last norm, and how many stand before the patches. */
function vitTokens(
  config: Fields,
  w: Weights,
  picture: ReferencePicture,
  pixels: ReferencePixels,
): { readonly tokens: number[][]; readonly leading: number } {
  const type = config.model_type as string;
  const isDinov2 = type.startsWith('dinov2');
  const isDinov3 = type === 'dinov3_vit';
  const conv = isDinov3 ? 'embeddings.patch_embeddings' : 'embeddings.patch_embeddings.projection';
  const cut = patches(picture, pixels, w.get(`${conv}.weight`), w.find(`${conv}.bias`));
  const heads = config.num_attention_heads as number;
  const registers = (config.num_register_tokens as number | undefined) ?? 0;
  const table = w.find('embeddings.position_embeddings') && w.rows('embeddings.position_embeddings');
  const special = [
    ...w.rows('embeddings.cls_token'),
    ...(type === 'deit' ? w.rows('embeddings.distillation_token') : []),
  ];
  const placed = special.map((token, i) => add(token, table?.[i] ?? token.map(() => 0)));
  const side = Math.sqrt((table?.length ?? 0) - special.length);
  const learned = table?.slice(special.length);
  const positions =
    learned && isDinov2
      ? bicubicGrid(learned, side, side, cut.rows, cut.columns, type !== 'dinov2')
      : learned;
  const patchTokens = cut.vectors.map((vector, i) => add(vector, positions?.[i] ?? vector.map(() => 0)));
  const before = [...placed, ...(registers > 0 ? w.rows('embeddings.register_tokens') : [])];
  let tokens = [...before, ...patchTokens];
  const isGated = config.use_swiglu_ffn === true;
  const epsilon = config.layer_norm_eps as number;
  const act = FUNCTIONS[config.hidden_act as string]!;
  const shared = w.find('encoder.relative_position_bias.relative_position_bias_table');
  for (let i = 0; i < (config.num_hidden_layers as number); i++) {
    const own = isDinov3
      ? `${w.find('layer.0.norm1.weight') ? '' : 'model.'}layer.${i}`
      : `encoder.layer.${i}`;
    const biasTable =
      shared ?? w.find(`${own}.attention.attention.relative_position_bias.relative_position_bias_table`);
    tokens = preNormLayer(tokens, w, vitNames(type, own, isGated, config, w), heads, epsilon, act, {
      bias: biasTable && gridBias(biasTable, cut.rows, cut.columns, true),
      ...(isDinov3 && {
        turn: (y: Vector, token: number) =>
          token < before.length
            ? [...y]
            : turnByPlace(y, token - before.length, cut, heads, config.rope_theta as number),
      }),
    });
  }
  const last = isDinov3 ? 'norm' : 'layernorm';
  const isNormed = w.find(`${last}.weight`) !== undefined;
  return {
    tokens: isNormed ? tokens.map(token => w.norm(token, last, epsilon)) : tokens,
    leading: before.length,
  };
}

function vitNames(type: string, own: string, isGated: boolean, config: Fields, w: Weights): Names {
  if (type === 'dinov3_vit')
    return {
      layer: withNames(own, [
        'attention.q_proj',
        'attention.k_proj',
        'attention.v_proj',
        'attention.o_proj',
        'norm1',
        'norm2',
        'mlp.up_proj',
        'mlp.down_proj',
      ]),
      scales: [`${own}.layer_scale1.lambda1`, `${own}.layer_scale2.lambda1`],
      ...(config.use_gated_mlp === true && { gate: `${own}.mlp.gate_proj` }),
    };
  if (!type.startsWith('dinov2')) {
    const scales = [`${own}.lambda_1`, `${own}.lambda_2`] as const;
    return { layer: withNames(own, VIT_LAYER), ...(w.find(scales[0]) && { scales }) };
  }
  const outer = isGated ? ['mlp.weights_in', 'mlp.weights_out'] : ['mlp.fc1', 'mlp.fc2'];
  return {
    layer: withNames(own, [...VIT_LAYER.slice(0, 4), 'norm1', 'norm2', ...outer]),
    scales: [`${own}.layer_scale1.lambda1`, `${own}.layer_scale2.lambda1`],
    upHasGate: isGated,
  };
}

/** Rotary positions by row and column from -1 to 1 (Siméoni et al. 2025): feature `i` is turned against `i + half`. */
function turnByPlace(
  x: Vector,
  patch: number,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  heads: number,
  theta: number,
): number[] {
  const size = x.length / heads;
  const quarter = size / 4;
  const places = [
    (2 * (Math.floor(patch / columns) + 0.5)) / rows - 1,
    (2 * ((patch % columns) + 0.5)) / columns - 1,
  ];
  const result = [...x];
  for (let head = 0; head < heads; head++)
    for (let i = 0; i < 2 * quarter; i++) {
      const angle = 2 * Math.PI * places[Math.floor(i / quarter)]! * theta ** (-(i % quarter) / quarter);
      const [a, b] = [head * size + i, head * size + i + 2 * quarter];
      result[a] = x[a]! * Math.cos(angle) - x[b]! * Math.sin(angle);
      result[b] = x[b]! * Math.cos(angle) + x[a]! * Math.sin(angle);
    }
  return result;
}

/** Swin (Liu et al. 2021, section 3): tokens of the last stage behind the last norm. */
function swinTokens(
  config: Fields,
  w: Weights,
  picture: ReferencePicture,
  pixels: ReferencePixels,
): number[][] {
  const conv = 'embeddings.patch_embeddings.projection';
  const cut = patches(picture, pixels, w.get(`${conv}.weight`), w.find(`${conv}.bias`));
  let tokens = cut.vectors.map(token => w.norm(token, 'embeddings.norm', 1e-5));
  if (config.use_absolute_embeddings === true) {
    const table = w.rows('embeddings.position_embeddings');
    tokens = tokens.map((token, i) => add(token, table[i]!));
  }
  let { rows, columns } = cut;
  const size = config.window_size as number;
  const depths = config.depths as number[];
  const epsilon = config.layer_norm_eps as number;
  depths.forEach((depth, stage) => {
    const heads = (config.num_heads as number[])[stage]!;
    for (let block = 0; block < depth; block++) {
      const own = `encoder.layers.${stage}.blocks.${block}`;
      const isShifted = block % 2 === 1 && Math.min(rows, columns) > size;
      tokens = preNormLayer(
        tokens,
        w,
        {
          layer: withNames(own, [
            'attention.self.query',
            'attention.self.key',
            'attention.self.value',
            'attention.output.dense',
            'layernorm_before',
            'layernorm_after',
            'intermediate.dense',
            'output.dense',
          ]),
        },
        heads,
        epsilon,
        FUNCTIONS[config.hidden_act as string]!,
        {
          attend: windowAttention(w, own, {
            rows,
            columns,
            size,
            heads,
            shift: isShifted ? Math.floor(size / 2) : 0,
          }),
        },
      );
    }
    const down = `encoder.layers.${stage}.downsample`;
    if (w.find(`${down}.reduction.weight`) === undefined) return;
    const width = tokens[0]!.length;
    const at = (row: number, column: number): number[] =>
      row < rows && column < columns ? tokens[row * columns + column]! : new Array<number>(width).fill(0);
    const merged: number[][] = [];
    for (let row = 0; row < rows; row += 2)
      for (let column = 0; column < columns; column += 2)
        merged.push(
          w.dense(
            w.norm(
              [
                ...at(row, column),
                ...at(row + 1, column),
                ...at(row, column + 1),
                ...at(row + 1, column + 1),
              ],
              `${down}.norm`,
              1e-5,
            ),
            `${down}.reduction`,
          ),
        );
    tokens = merged;
    [rows, columns] = [Math.ceil(rows / 2), Math.ceil(columns / 2)];
  });
  return tokens.map(token => w.norm(token, 'layernorm', epsilon));
}

interface WindowShape {
  readonly rows: number;
  readonly columns: number;
  readonly size: number;
  readonly shift: number;
  readonly heads: number;
}

/**
 * Attention in windows: a token sees those whose window, after the grid was turned by the shift, is its own; between
 * those that were not neighbours before, scores are lower by 100. Where windows reach over the grid's end, they see
 * empty places, whose queries, keys and values are the biases.
 */
function windowAttention(w: Weights, own: string, { rows, columns, size, shift, heads }: WindowShape) {
  const table = w.get(`${own}.attention.self.relative_position_bias_table`);
  const bias = gridBias(table, size, size, false);
  const [allRows, allColumns] = [Math.ceil(rows / size) * size, Math.ceil(columns / size) * size];
  const empty = (side: string, width: number): number[] => [
    ...(w.find(`${own}.attention.self.${side}.bias`)?.values ?? new Array<number>(width).fill(0)),
  ];
  const part = (place: number, length: number): number =>
    place < length - size ? 0 : place < length - shift ? 1 : 2;
  return (queries: readonly Vector[], keys: readonly Vector[], values: readonly Vector[]): number[][] => {
    const width = queries[0]!.length;
    const result: number[][] = [];
    for (let top = 0; top < allRows; top += size)
      for (let left = 0; left < allColumns; left += size) {
        const places = Array.from({ length: size * size }, (_, i) => {
          const [row, column] = [top + Math.floor(i / size), left + (i % size)];
          const [r, c] = [(row + shift) % allRows, (column + shift) % allColumns];
          return {
            token: r < rows && c < columns ? r * columns + c : -1,
            region: 3 * part(row, allRows) + part(column, allColumns),
          };
        });
        const take = (from: readonly Vector[], side: string): Vector[] =>
          places.map(({ token }) => (token < 0 ? empty(side, width) : from[token]!));
        const attended = attention(take(queries, 'query'), take(keys, 'key'), take(values, 'value'), heads, {
          bias: (head, q, k) =>
            bias(head, q, k) - (shift > 0 && places[q]!.region !== places[k]!.region ? 100 : 0),
        });
        places.forEach(({ token }, i) => {
          if (token >= 0) result[token] = attended[i]!;
        });
      }
    return result;
  };
}

/** Tokens of the seeing tower of CLIP or SigLIP behind its last layer, without SigLIP's norm. */
function towerTokens(
  config: Fields,
  w: Weights,
  picture: ReferencePicture,
  pixels: ReferencePixels,
  isClip: boolean,
): number[][] {
  const conv = 'embeddings.patch_embedding';
  const cut = patches(picture, pixels, w.get(`${conv}.weight`), w.find(`${conv}.bias`));
  const positions = w.rows('embeddings.position_embedding.weight');
  const epsilon = config.layer_norm_eps as number;
  let tokens = [...(isClip ? [[...w.get('embeddings.class_embedding').values]] : []), ...cut.vectors].map(
    (token, i) => add(token, positions[i]!),
  );
  if (isClip) tokens = tokens.map(token => w.norm(token, 'pre_layrnorm', epsilon));
  return towerLayers(config, w, tokens);
}

function towerLayers(config: Fields, w: Weights, from: number[][], isCausal = false): number[][] {
  const heads = config.num_attention_heads as number;
  let tokens = from;
  for (let i = 0; i < (config.num_hidden_layers as number); i++)
    tokens = preNormLayer(
      tokens,
      w,
      { layer: withNames(`encoder.layers.${i}`, TOWER_LAYER) },
      heads,
      config.layer_norm_eps as number,
      FUNCTIONS[config.hidden_act as string]!,
      {
        attend: (queries, keys, values) =>
          attention(queries, keys, values, heads, { sees: (q, k) => !isCausal || k <= q }),
      },
    );
  return tokens;
}

/** Multi-head attention pooling (Zhai et al. 2021, section 3.3), weights as PyTorch's module has them. */
function probeVector(config: Fields, w: Weights, tokens: readonly Vector[]): number[] {
  const size = tokens[0]!.length;
  const stacked = w.get('head.attention.in_proj_weight');
  const biases = w.get('head.attention.in_proj_bias').values;
  const part = (x: Vector, index: number): number[] =>
    linear(
      x,
      { shape: [size, size], values: stacked.values.slice(index * size * size, (index + 1) * size * size) },
      { shape: [size], values: biases.slice(index * size, (index + 1) * size) },
    );
  const heads = config.num_attention_heads as number;
  const [attended] = attention(
    [part(w.get('head.probe').values, 0)],
    tokens.map(token => part(token, 1)),
    tokens.map(token => part(token, 2)),
    heads,
  );
  const stream = w.dense(attended!, 'head.attention.out_proj');
  const read = w.norm(stream, 'head.layernorm', config.layer_norm_eps as number);
  const inner = w.dense(read, 'head.mlp.fc1').map(FUNCTIONS[config.hidden_act as string]!);
  return add(stream, w.dense(inner, 'head.mlp.fc2'));
}

function meanToken(tokens: readonly Vector[]): number[] {
  return tokens[0]!.map((_, feature) => mean(tokens.map(token => token[feature]!)));
}

function unit(x: Vector): number[] {
  return scale(x, 1 / Math.hypot(...x));
}

/** Logits of a picture's labels, or its vector; of two towers, with a length of 1. */
export function pictureResult(
  whole: Fields,
  tensors: TestTensors,
  picture: ReferencePicture,
  pixels: ReferencePixels,
): number[] {
  const type = whole.model_type as string;
  const [architecture] = whole.architectures as [string];
  const all = new Weights(tensors);
  const classifies = architecture.includes('ForImageClassification');
  if (type.startsWith('clip') || type.startsWith('siglip')) {
    const isClip = type.startsWith('clip');
    const config = {
      ...TOWER_DEFAULTS[isClip ? 'clip' : 'siglip'],
      ...((whole.vision_config as Fields | undefined) ?? whole),
    };
    const w = new Weights(tensors, 'vision_model.');
    const states = towerTokens(config, w, picture, pixels, isClip);
    const epsilon = config.layer_norm_eps as number;
    const tokens = isClip ? states : states.map(token => w.norm(token, 'post_layernorm', epsilon));
    if (classifies) return all.dense(meanToken(isClip ? tokens.slice(1) : tokens), 'classifier');
    const vector = isClip
      ? all.dense(w.norm(tokens[0]!, 'post_layernorm', epsilon), 'visual_projection')
      : probeVector(config, w, tokens);
    return /^(CLIP|Siglip)Model$/.test(architecture) ? unit(vector) : vector;
  }
  const w = new Weights(tensors, `${type}.`);
  if (type === 'swin') {
    const vector = meanToken(swinTokens(whole, w, picture, pixels));
    return classifies ? all.dense(vector, 'classifier') : vector;
  }
  const { tokens, leading } = vitTokens(whole, w, picture, pixels);
  const first = tokens[0]!;
  if (architecture.endsWith('WithTeacher'))
    return scale(
      add(all.dense(first, 'cls_classifier'), all.dense(tokens[1]!, 'distillation_classifier')),
      1 / 2,
    );
  const isMeanPooled = type === 'beit' && whole.use_mean_pooling !== false;
  const vector = isMeanPooled
    ? w.norm(meanToken(tokens.slice(1)), 'pooler.layernorm', whole.layer_norm_eps as number)
    : first;
  if (!classifies) return vector;
  const read = type.startsWith('dinov2') ? [...first, ...meanToken(tokens.slice(leading))] : vector;
  return all.dense(read, 'classifier');
}

const TOWER_DEFAULTS = {
  clip: { hidden_act: 'quick_gelu', layer_norm_eps: 1e-5 },
  siglip: { hidden_act: 'gelu_pytorch_tanh', layer_norm_eps: 1e-6 },
} as const;

/** A text's vector in the common space, with a length of 1. `ids` are as the tower gets them, padding included. */
export function textResult(whole: Fields, tensors: TestTensors, ids: readonly number[]): number[] {
  const isClip = whole.model_type === 'clip';
  const config: Fields = { ...TOWER_DEFAULTS[isClip ? 'clip' : 'siglip'], ...(whole.text_config as Fields) };
  const w = new Weights(tensors, 'text_model.');
  const words = w.rows('embeddings.token_embedding.weight');
  const positions = w.rows('embeddings.position_embedding.weight');
  const tokens = towerLayers(
    config,
    w,
    ids.map((id, i) => add(words[id]!, positions[i]!)),
    isClip,
  );
  const eos = config.eos_token_id as number;
  const end = eos === 2 ? ids.indexOf(Math.max(...ids)) : ids.indexOf(eos);
  const pooled = w.norm(
    tokens[isClip ? end : ids.length - 1]!,
    'final_layer_norm',
    config.layer_norm_eps as number,
  );
  return unit(isClip ? linear(pooled, w.get('text_projection.weight')) : w.dense(pooled, 'head'));
}
