import { create } from '@bufbuild/protobuf';
import { int, ints, type Attribute } from '#graph/onnx/attributes.js';
import { DataType, GraphBuilder, NONE, type Value } from '#graph/onnx/graph-builder.js';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  ValueInfoProtoSchema,
} from '#graph/onnx/onnx_pb.js';
import type { LlamaModelConfig } from './llama-model.js';

/** Weights by their names. */
export type ExportedTensors = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly values: ArrayLike<number> }>
>;

/** What an exporter's graph looks like from outside, and what it gets wrong. */
export interface ExportForm {
  /** `grouped`: GroupQueryAttention with its lengths from the attention mask, as onnxruntime-genai's builder writes it. */
  readonly attention: 'grouped' | 'primitive';
  /**
   * `from past`: no input; counted from the length of the past, which is wrong for rows padded in front. `in operator`: no input;
   * GroupQueryAttention rotates by itself.
   */
  readonly positions: 'input' | 'from past' | 'in operator';
  /** Whether there are past inputs. */
  readonly past?: boolean;
  /** A merged export: `use_cache_branch` chooses whether the past is looked at. */
  readonly cacheBranch?: boolean;
  /**
   * Whether later tokens of a piece are hidden from earlier ones. A graph, or a branch with a past, that was made for one token needs no
   * such mask.
   */
  readonly causal?: boolean;
  readonly logits?: 'all' | 'last' | 'num_logits_to_keep';
  /** Caches and logits are halves. */
  readonly halves?: boolean;
  /** Everything that reaches the vocabulary is quantized by one scale, as in dynamically quantized exports. */
  readonly coarse?: boolean;
  /** One input more. */
  readonly extra?: string;
  readonly names?: { readonly past: string; readonly present: string; readonly ids: string };
}

const NAMES = { past: 'past_key_values.%d.%s', present: 'present.%d.%s', ids: 'input_ids' };

/**
 * Writes a Llama as exporters do, with the documented names: `input_ids`, `attention_mask`, `position_ids`,
 * `past_key_values.N.key/value`, `present.N.key/value`, `logits`.
 */
export async function exportLlama(
  file: string,
  config: LlamaModelConfig,
  tensors: ExportedTensors,
  form: ExportForm,
): Promise<void> {
  const writer = new ExportWriter(config, tensors, form);
  writer.write();
  await writer.graph.save(file);
}

class ExportWriter {
  readonly graph = new GraphBuilder();
  readonly #config: LlamaModelConfig;
  readonly #tensors: ExportedTensors;
  readonly #form: ExportForm;
  readonly #headSize: number;
  #count = 0;

  constructor(config: LlamaModelConfig, tensors: ExportedTensors, form: ExportForm) {
    this.#config = config;
    this.#tensors = tensors;
    this.#form = form;
    this.#headSize = config.head_dim ?? config.hidden_size / config.num_attention_heads;
  }

  write(): void {
    const { graph } = this;
    const { names = NAMES, positions, logits = 'all', extra } = this.#form;
    const { num_hidden_layers: layers, vocab_size: vocabulary } = this.#config;
    const ids = graph.input(names.ids, DataType.INT64, ['batch_size', 'sequence']);
    const mask = graph.input('attention_mask', DataType.INT64, ['batch_size', 'total']);
    if (extra !== undefined) graph.input(extra, DataType.FLOAT, ['batch_size', 4]);
    if (this.#form.cacheBranch) graph.input('use_cache_branch', DataType.BOOL, [1]);
    const given =
      positions === 'input' ? graph.input('position_ids', DataType.INT64, ['batch_size', 'sequence']) : '';
    const keep = logits === 'num_logits_to_keep' ? graph.input(logits, DataType.INT64, []) : '';
    const pasts = Array.from({ length: layers }, (_, layer) =>
      (['key', 'value'] as const).map(side => this.#past(layer, side)),
    );

    const length = this.#dimension(ids, 1);
    const before = pasts[0]![0] === undefined ? this.#number(0) : this.#dimension(pasts[0]![0], 2);
    const total = this.#op('Add', [before, length]);
    const own = this.#op('Range', [before, total, this.#number(1)]);
    const counted = this.#op('Unsqueeze', [own, this.#list([0])]);
    const bias = this.#form.attention === 'primitive' ? this.#bias(mask, own, total) : '';
    const lengths = this.#form.attention === 'grouped' ? this.#lengths(mask) : [];
    const tables = this.#rotaryTables();
    const rotary =
      positions === 'in operator' ? undefined : this.#rotary(tables, given === '' ? counted : given);

    let x = this.#op('Gather', [this.#weight('model.embed_tokens.weight'), ids]);
    for (let layer = 0; layer < layers; layer++) {
      const prefix = `model.layers.${layer}`;
      const normed = this.#norm(x, `${prefix}.input_layernorm.weight`);
      const attended =
        this.#form.attention === 'grouped'
          ? this.#grouped(layer, normed, pasts[layer]!, lengths, tables, rotary)
          : this.#primitive(layer, normed, pasts[layer]!, bias, rotary!);
      x = this.#op('Add', [x, this.#linear(attended, `${prefix}.self_attn.o_proj.weight`)]);
      const second = this.#norm(x, `${prefix}.post_attention_layernorm.weight`);
      const gate = this.#linear(second, `${prefix}.mlp.gate_proj.weight`);
      const silu = this.#op('Mul', [gate, this.#op('Sigmoid', [gate])]);
      const inner = this.#op('Mul', [silu, this.#linear(second, `${prefix}.mlp.up_proj.weight`)]);
      x = this.#op('Add', [x, this.#linear(inner, `${prefix}.mlp.down_proj.weight`)]);
    }
    x = this.#norm(x, 'model.norm.weight');
    if (this.#form.coarse) x = this.#quantized(x);
    if (logits === 'last')
      x = this.#op('Slice', [x, this.#list([-1]), this.#list([2 ** 31]), this.#list([1])]);
    if (keep !== '') {
      const start = this.#op('Unsqueeze', [this.#op('Neg', [keep]), this.#list([0])]);
      x = this.#op('Slice', [x, start, this.#list([2 ** 31]), this.#list([1])]);
    }
    this.#output('logits', this.#linear(x, 'model.embed_tokens.weight'), [
      'batch_size',
      logits === 'last' ? 1 : 'sequence',
      vocabulary,
    ]);
  }

  /** An input of past keys or values, as floats; a merged export looks at it only if it is told to. */
  #past(layer: number, side: 'key' | 'value'): Value | undefined {
    const { past = true, cacheBranch, halves, names = NAMES } = this.#form;
    if (!past) return undefined;
    const { num_key_value_heads: heads } = this.#config;
    const name = names.past.replace('%d', String(layer)).replace('%s', side);
    const type = halves ? DataType.FLOAT16 : DataType.FLOAT;
    let value = this.graph.input(name, type, ['batch_size', heads, 'past', this.#headSize]);
    if (cacheBranch) {
      const none = this.#op('Slice', [value, this.#list([0]), this.#list([0]), this.#list([2])]);
      const branches = { then_branch: passes(value), else_branch: passes(none) };
      value = this.#op('If', ['use_cache_branch'], branches);
    }
    return value;
  }

  /** 0 where a key may be seen, else a number that softmax makes 0: `[batch, 1, sequence, total]`. */
  #bias(mask: Value, own: Value, total: Value): Value {
    const keys = this.#op('Range', [this.#number(0), total, this.#number(1)]);
    const queries = this.#op('Unsqueeze', [own, this.#list([1])]);
    const { causal = true, cacheBranch } = this.#form;
    const branches = { then_branch: passes(total), else_branch: passes(queries) };
    const limit = causal ? queries : cacheBranch ? this.#op('If', ['use_cache_branch'], branches) : total;
    const earlier = this.#op('LessOrEqual', [keys, limit]);
    const real = this.#op('Unsqueeze', [
      this.#op('Cast', [mask], { to: int(DataType.BOOL) }),
      this.#list([1, 2]),
    ]);
    const seen = this.#op('And', [earlier, real]);
    return this.#op('Where', [seen, this.#float(0), this.#float(-1e9)]);
  }

  /** `seqlens_k` and `total_sequence_length`, as onnxruntime-genai's builder derives them. */
  #lengths(mask: Value): Value[] {
    const sums = this.#op('ReduceSum', [mask, this.#list([1])], { keepdims: int(0) });
    const last = this.#op('Sub', [sums, this.#list([1])]);
    const width = this.#dimension(mask, 1);
    return [last, width].map(value => this.#op('Cast', [value], { to: int(DataType.INT32) }));
  }

  /** Cosines and sines, `[positions, pairs]` each. */
  #rotaryTables(): Value[] {
    const { rope_theta: theta, max_position_embeddings: length } = this.#config;
    const pairs = this.#headSize / 2;
    return [Math.cos, Math.sin].map(of => {
      const values = Float32Array.from({ length: length * pairs }, (_, i) =>
        of(Math.floor(i / pairs) * theta ** ((-2 * (i % pairs)) / this.#headSize)),
      );
      return this.graph.initializer(`table.${this.#count++}`, DataType.FLOAT, [length, pairs], () => values);
    });
  }

  /** The tables' rows at positions, `[batch, 1, sequence, pairs]` each. */
  #rotary(tables: readonly Value[], positions: Value): Value[] {
    return tables.map(table =>
      this.#op('Unsqueeze', [this.#op('Gather', [table, positions]), this.#list([1])]),
    );
  }

  #primitive(
    layer: number,
    x: Value,
    pasts: readonly (Value | undefined)[],
    bias: Value,
    rotary: readonly Value[],
  ): Value {
    const { num_attention_heads: heads, num_key_value_heads: kvHeads } = this.#config;
    const [query, ...sides] = this.#projections(layer, x, rotary);
    const [keys, values] = sides.map((own, side) => {
      const past = pasts[side];
      const whole =
        past === undefined ? own : this.#op('Concat', [this.#asFloats(past), own], { axis: int(2) });
      this.#output(this.#presentName(layer, side), whole, this.#cacheShape('total'));
      const shared = this.#op('Unsqueeze', [whole, this.#list([2])]);
      const repeated = this.#op(
        'Concat',
        Array.from({ length: heads / kvHeads }, () => shared),
        { axis: int(2) },
      );
      return this.#op('Reshape', [repeated, this.#list([0, heads, -1, this.#headSize])]);
    }) as [Value, Value];
    const scores = this.#op('MatMul', [query!, this.#op('Transpose', [keys], { perm: ints([0, 1, 3, 2]) })]);
    const scaled = this.#op('Mul', [scores, this.#float(1 / Math.sqrt(this.#headSize))]);
    const weights = this.#op('Softmax', [this.#op('Add', [scaled, bias])], { axis: int(-1) });
    return this.#flat(this.#op('MatMul', [weights, values]));
  }

  #grouped(
    layer: number,
    x: Value,
    pasts: readonly (Value | undefined)[],
    lengths: readonly Value[],
    tables: readonly Value[],
    rotary: readonly Value[] | undefined,
  ): Value {
    const { num_attention_heads: heads, num_key_value_heads: kvHeads } = this.#config;
    const half = this.#form.halves;
    const projections = this.#projections(layer, x, rotary).map(value => {
      const flat = this.#flat(value);
      return half ? this.#op('Cast', [flat], { to: int(DataType.FLOAT16) }) : flat;
    });
    const present = [0, 1].map(side => this.#presentName(layer, side));
    const attended = this.graph.node({
      op: 'GroupQueryAttention',
      domain: 'com.microsoft',
      inputs: [...projections, ...pasts.map(past => past ?? NONE), ...lengths, ...(rotary ? [] : tables)],
      name: `attention.${layer}`,
      outputs: [`attention.${layer}`, ...present],
      attributes: { num_heads: int(heads), kv_num_heads: int(kvHeads), do_rotary: int(rotary ? 0 : 1) },
    });
    const type = half ? DataType.FLOAT16 : DataType.FLOAT;
    for (const name of present) this.graph.output(name, type, this.#cacheShape('total'));
    return half ? this.#asFloats(attended) : attended;
  }

  /** Queries, keys and values, `[batch, heads, sequence, headSize]`; the first two rotated, unless the operator does it. */
  #projections(layer: number, x: Value, rotary: readonly Value[] | undefined): Value[] {
    const { num_attention_heads: heads, num_key_value_heads: kvHeads } = this.#config;
    return (['q', 'k', 'v'] as const).map(side => {
      const flat = this.#linear(x, `model.layers.${layer}.self_attn.${side}_proj.weight`);
      const shape = [0, 0, side === 'q' ? heads : kvHeads, this.#headSize];
      const split = this.#op('Reshape', [flat, this.#list(shape)]);
      const value = this.#op('Transpose', [split], { perm: ints([0, 2, 1, 3]) });
      if (side === 'v' || rotary === undefined) return value;
      const [cos, sin] = rotary as [Value, Value];
      const half = this.#headSize / 2;
      const part = (from: number, to: number): Value =>
        this.#op('Slice', [value, this.#list([from]), this.#list([to]), this.#list([3])]);
      const [a, b] = [part(0, half), part(half, 2 * half)];
      const left = this.#op('Sub', [this.#op('Mul', [a, cos]), this.#op('Mul', [b, sin])]);
      const right = this.#op('Add', [this.#op('Mul', [b, cos]), this.#op('Mul', [a, sin])]);
      return this.#op('Concat', [left, right], { axis: int(3) });
    });
  }

  /** `[batch, heads, sequence, headSize]` to `[batch, sequence, heads × headSize]`. */
  #flat(value: Value): Value {
    return this.#op('Reshape', [
      this.#op('Transpose', [value], { perm: ints([0, 2, 1, 3]) }),
      this.#list([0, 0, -1]),
    ]);
  }

  #quantized(x: Value): Value {
    const name = `quantized.${this.#count++}`;
    const outputs = [name, `${name}.scale`, `${name}.zero`];
    this.graph.node({ op: 'DynamicQuantizeLinear', inputs: [x], name, outputs });
    return this.#op('DequantizeLinear', outputs);
  }

  #norm(x: Value, weight: string): Value {
    const squares = this.#op('ReduceMean', [this.#op('Mul', [x, x]), this.#list([-1])]);
    const shifted = this.#op('Add', [squares, this.#float(this.#config.rms_norm_eps)]);
    return this.#op('Mul', [this.#op('Div', [x, this.#op('Sqrt', [shifted])]), this.#weight(weight)]);
  }

  #linear(x: Value, weight: string): Value {
    return this.#op('MatMul', [x, this.#op('Transpose', [this.#weight(weight)], { perm: ints([1, 0]) })]);
  }

  #weight(name: string): Value {
    const { shape, values } = this.#tensors[name]!;
    return this.graph.initializer(`${name}.${this.#count++}`, DataType.FLOAT, shape, () =>
      Float32Array.from(values),
    );
  }

  #output(name: string, value: Value, shape: readonly (number | string)[]): void {
    const { halves } = this.#form;
    if (halves)
      this.graph.node({ op: 'Cast', inputs: [value], name, attributes: { to: int(DataType.FLOAT16) } });
    else this.graph.node({ op: 'Identity', inputs: [value], name });
    this.graph.output(name, halves ? DataType.FLOAT16 : DataType.FLOAT, shape);
  }

  #presentName(layer: number, side: number): string {
    const { present } = this.#form.names ?? NAMES;
    return present.replace('%d', String(layer)).replace('%s', side === 0 ? 'key' : 'value');
  }

  #cacheShape(positions: string): (number | string)[] {
    return ['batch_size', this.#config.num_key_value_heads, positions, this.#headSize];
  }

  #asFloats(value: Value): Value {
    return this.#form.halves ? this.#op('Cast', [value], { to: int(DataType.FLOAT) }) : value;
  }

  #dimension(value: Value, axis: number): Value {
    return this.#op('Gather', [this.#op('Shape', [value]), this.#number(axis)]);
  }

  #number(value: number): Value {
    return this.graph.constant(`number.${this.#count++}`, [], [value]);
  }

  #list(values: readonly number[]): Value {
    return this.graph.constant(`list.${this.#count++}`, [values.length], values);
  }

  #float(value: number): Value {
    return this.graph.constant(`float.${this.#count++}`, [], [value], DataType.FLOAT);
  }

  #op(op: string, inputs: readonly Value[], attributes: Readonly<Record<string, Attribute>> = {}): Value {
    return this.graph.node({ op, inputs, name: `${op}.${this.#count++}`, attributes });
  }
}

/** A branch of If that hands on a value of the graph around it. */
function passes(value: Value): Attribute {
  return name =>
    create(AttributeProtoSchema, {
      name,
      type: AttributeType.GRAPH,
      g: create(GraphProtoSchema, {
        name,
        node: [create(NodeProtoSchema, { opType: 'Identity', input: [value], output: [`${value}.${name}`] })],
        output: [create(ValueInfoProtoSchema, { name: `${value}.${name}` })],
      }),
    });
}
