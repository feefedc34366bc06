/**
 * com.microsoft.PagedAttention in ONNX's own operators, for runtimes without a kernel. Written from the operator's documentation in ONNX
 * Runtime 1.29, as slow as it is plain: every token gathers all of its sequence's blocks.
 */
import path from 'node:path';
import { writeManifest } from '#graph/build-manifest.js';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { readFile, writeFile } from 'node:fs/promises';
import { int, ints, type Attribute } from '#graph/onnx/attributes.js';
import { DataType } from '#graph/onnx/graph-builder.js';
import { inlineTensor } from '#graph/onnx/inline-tensor.js';
import { ModelProtoSchema, NodeProtoSchema, type GraphProto, type NodeProto } from '#graph/onnx/onnx_pb.js';

/** Replaces the operator's nodes in a file, whose floats must be of 32 bits, by the same in other operators. */
export async function expandPagedAttention(file: string): Promise<void> {
  const model = fromBinary(ModelProtoSchema, await readFile(file));
  const graph = model.graph!;
  graph.node = graph.node.flatMap(node =>
    node.opType === 'PagedAttention' ? new Kernel(graph, node).nodes : [node],
  );
  await writeFile(file, toBinary(ModelProtoSchema, model));
  await writeManifest(path.dirname(file));
}

class Kernel {
  readonly nodes: NodeProto[] = [];
  readonly #graph: GraphProto;
  readonly #name: string;
  #count = 0;

  constructor(graph: GraphProto, node: NodeProto) {
    this.#graph = graph;
    this.#name = node.name;
    this.#write(node);
  }

  #write({ input, output, attribute }: NodeProto): void {
    const [query, key, value, keyCache, valueCache, begins, past, table, cos, sin] = input;
    const attributes = new Map(
      attribute.map(({ name, i, f }) => [name, name === 'scale' || name === 'softcap' ? f : Number(i)]),
    );
    const [heads, kvHeads] = [attributes.get('num_heads')!, attributes.get('kv_num_heads')!];
    const declared = this.#graph.input.find(({ name }) => name === keyCache)!.type!.value.value!.shape!.dim;
    const headSize = Number(declared[3]!.value.value);

    // Whose each token is, and at which position of its sequence it stands.
    const long = (of: string): string => this.#op('Cast', [of], { to: int(DataType.INT64) });
    const [begins64, past64, table64] = [long(begins!), long(past!), long(table!)];
    const tokens = this.#size(query!, 0);
    const token = this.#op('Range', [this.#scalar(0), tokens, this.#scalar(1)]);
    const ends = this.#op('Slice', [begins64, this.#ints([1]), this.#ints([2 ** 31])]);
    const isBehind = this.#op('LessOrEqual', [this.#unsqueeze(ends, 0), this.#unsqueeze(token, 1)]);
    const row = this.#op('ReduceSum', [long(isBehind), this.#ints([1])], { keepdims: int(0) });
    const index = this.#op('Sub', [token, this.#op('Gather', [begins64, row])]);
    const position = this.#op('Add', [this.#op('Gather', [past64, row]), index]);

    const [q, k, v] = this.#heads([query!, key!, value!], [heads, kvHeads, kvHeads], headSize);
    const turn = (x: string): string =>
      attributes.get('do_rotary') === 1 ? this.#turn(x, position, cos!, sin!, headSize) : x;

    // Keys and values go to their places first, and attention reads nothing but the caches.
    const blockSize = this.#size(keyCache!, 1);
    const nth = this.#op('Div', [position, blockSize]);
    const offset = this.#op('Sub', [position, this.#op('Mul', [nth, blockSize])]);
    const pair = (a: string, b: string): string =>
      this.#op('Concat', [this.#unsqueeze(a, 1), this.#unsqueeze(b, 1)], { axis: int(1) });
    const place = pair(this.#op('GatherND', [table64, pair(row, nth)]), offset);
    const cached = (cache: string, updates: string, name: string): string => {
      const all = this.#op('ScatterND', [cache, place, updates], {}, name);
      const blocks = this.#op('Gather', [all, table64]);
      const bySequence = this.#op('Reshape', [blocks, this.#ints([0, -1, kvHeads, headSize])]);
      return this.#op('Gather', [bySequence, row]);
    };
    const keys = cached(keyCache!, turn(k), output[1]!);
    const values = cached(valueCache!, v, output[2]!);

    const seen = this.#op('Range', [this.#scalar(0), this.#size(keys, 1), this.#scalar(1)]);
    const here = this.#unsqueeze(position, 1);
    const conditions = [this.#op('LessOrEqual', [seen, here])];
    const window = attributes.get('local_window_size') ?? -1;
    if (window > 0)
      conditions.push(this.#op('Greater', [seen, this.#op('Sub', [here, this.#scalar(window)])]));
    // What lies beyond the bounds may be left out, so it is.
    const [longestQuery, longestKey] = [0, 1].map(i =>
      this.#op('Gather', [long(input[16]!), this.#scalar(i)]),
    );
    conditions.push(this.#op('Less', [seen, longestKey!]));
    conditions.push(this.#unsqueeze(this.#op('Less', [index, longestQuery!]), 1));
    const visible = conditions.reduce((a, b) => this.#op('And', [a, b]));

    const grouped = this.#op('Reshape', [turn(q), this.#ints([0, kvHeads, heads / kvHeads, headSize])]);
    const product = this.#op('MatMul', [grouped, this.#transpose(keys, [0, 2, 3, 1])]);
    let scores = this.#op('Mul', [product, this.#number(attributes.get('scale') ?? 1 / Math.sqrt(headSize))]);
    const cap = attributes.get('softcap') ?? 0;
    if (cap > 0) {
      const share = this.#op('Tanh', [this.#op('Div', [scores, this.#number(cap)])]);
      scores = this.#op('Mul', [share, this.#number(cap)]);
    }
    const masked = this.#op('Where', [this.#unsqueeze(visible, 1, 2), scores, this.#number(-1e30)]);
    const weights = this.#softmax(masked, input[11] ?? '', [1, kvHeads, heads / kvHeads, 1]);
    // Memory that nobody wrote may hold anything, and 0 times that is not always 0.
    const clean = this.#op('Where', [this.#unsqueeze(visible, 2, 3), values, this.#number(0)]);
    const attended = this.#op('MatMul', [weights, this.#transpose(clean, [0, 2, 1, 3])]);
    this.#op('Reshape', [attended, this.#ints([0, heads * headSize])], {}, output[0]);
  }

  /** A softmax over the last axis in which each head's sink, if there are any, has its part. */
  #softmax(scores: string, sinks: string, shape: number[]): string {
    if (sinks === '') return this.#op('Softmax', [scores], { axis: int(-1) });
    const part = (x: string, begin: number, end: number): string =>
      this.#op('Slice', [x, this.#ints([begin]), this.#ints([end]), this.#ints([3])]);
    const nothing = this.#op('Mul', [part(scores, 0, 1), this.#number(0)]);
    const column = this.#op('Add', [nothing, this.#op('Reshape', [sinks, this.#ints(shape)])]);
    const all = this.#op('Concat', [scores, column], { axis: int(-1) });
    return part(this.#op('Softmax', [all], { axis: int(-1) }), 0, -1);
  }

  /** Queries, keys and values as `[tokens, heads, headSize]`; they may all be in the first input. */
  #heads(inputs: string[], counts: number[], headSize: number): [string, string, string] {
    const apart =
      inputs[1] === ''
        ? this.#split(
            inputs[0]!,
            1,
            counts.map(count => count * headSize),
          )
        : inputs;
    return apart.map((side, i) => this.#op('Reshape', [side, this.#ints([0, counts[i]!, headSize])])) as [
      string,
      string,
      string,
    ];
  }

  /** Rotary positions, one half of the turned features against the other. */
  #turn(x: string, position: string, cos: string, sin: string, headSize: number): string {
    const half = Number(this.#graph.initializer.find(({ name }) => name === cos)!.dims[1]);
    const [first, second, ...rest] = this.#split(
      x,
      2,
      [half, half, headSize - 2 * half].filter(size => size > 0),
    ) as [string, string, ...string[]];
    const [c, s] = [cos, sin].map(of => this.#unsqueeze(this.#op('Gather', [of, position]), 1)) as [
      string,
      string,
    ];
    const times = (a: string, b: string): string => this.#op('Mul', [a, b]);
    const turned = [
      this.#op('Sub', [times(first, c), times(second, s)]),
      this.#op('Add', [times(second, c), times(first, s)]),
    ];
    return this.#op('Concat', [...turned, ...rest], { axis: int(2) });
  }

  #op(
    opType: string,
    input: string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output = `${this.#name}/${this.#count}`,
  ): string {
    const attribute = Object.entries(attributes).map(([key, of]) => of(key));
    const name = `${this.#name}/${opType}.${this.#count++}`;
    this.nodes.push(create(NodeProtoSchema, { opType, name, input, output: [output], attribute }));
    return output;
  }

  #split(x: string, axis: number, sizes: number[]): string[] {
    const name = `${this.#name}/Split.${this.#count++}`;
    const output = sizes.map((_, i) => `${name}.${i}`);
    const attribute = [int(axis)('axis')];
    this.nodes.push(
      create(NodeProtoSchema, { opType: 'Split', name, input: [x, this.#ints(sizes)], output, attribute }),
    );
    return output;
  }

  /** One dimension of a tensor, as a scalar. */
  #size(x: string, axis: number): string {
    return this.#op('Gather', [this.#op('Shape', [x]), this.#scalar(axis)]);
  }

  #unsqueeze(x: string, ...axes: number[]): string {
    return this.#op('Unsqueeze', [x, this.#ints(axes)]);
  }

  #transpose(x: string, order: number[]): string {
    return this.#op('Transpose', [x], { perm: ints(order) });
  }

  #ints(values: number[]): string {
    return this.#constant([values.length], values);
  }

  #scalar(value: number): string {
    return this.#constant([], [value]);
  }

  #number(value: number): string {
    return this.#constant([], [value], DataType.FLOAT);
  }

  #constant(
    shape: number[],
    values: number[],
    type: DataType.INT64 | DataType.FLOAT = DataType.INT64,
  ): string {
    const name = `${this.#name}/constant.${this.#count++}`;
    this.#graph.initializer.push(inlineTensor(name, type, shape, values));
    return name;
  }
}
