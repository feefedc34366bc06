import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { requireSpace, storing } from '#storage.js';
import type { Attribute } from './attributes.js';
import { inlineTensor, type InlineType } from './inline-tensor.js';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
  NodeProtoSchema,
} from './onnx_pb.js';

export { DataType };

/** A value of the graph, by its name: an input, an initializer, or what a node puts out. */
export type Value = string;

/** Stands for an optional input or output that is left out. */
export const NONE: Value = '';

/** A dimension: its size, or a name where the size is known only in a run. */
export type Dimension = number | string;

/** Version 21 came with ONNX 1.16; nearly every operator used here is older or `com.microsoft`'s. */
const OPSET = { operators: 21n, format: 10n };
/** Version 24 came with ONNX 1.19; only graphs that need it ask for it. */
const NEWER_OPSET = { operators: 24n, format: 11n };
const NEWER_OPERATORS: ReadonlySet<string> = new Set(['Attention', 'TensorScatter']);

/** Tensors start on page borders of the data file, which lets ONNX Runtime map them into memory. */
const ALIGNMENT = 4096;

/** Node's file calls take at most 2 GiB at a time. */
const LARGEST_WRITE = 2 ** 30;

/** Bytes per element of the types that weights have. */
const ELEMENT_BYTES: Partial<Record<DataType, number>> = {
  [DataType.FLOAT]: 4,
  [DataType.FLOAT16]: 2,
  [DataType.BFLOAT16]: 2,
  [DataType.INT64]: 8,
  [DataType.INT32]: 4,
  [DataType.INT8]: 1,
  [DataType.UINT8]: 1,
};

/** A tensor's elements as little-endian bytes, in any typed array. */
type TensorData = Float32Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array;

/** Progress of writing a graph's weights. */
export interface SaveProgress {
  /** Tensors that are written, and all there are. */
  readonly tensors: number;
  readonly allTensors: number;
  /** Bytes of both. */
  readonly bytes: number;
  readonly allBytes: number;
}

/** Weights that a graph does not write, since another one's data file in the same folder has them. */
export interface SharedWeights {
  /** Has them all, by the same names. */
  readonly saved: GraphBuilder;
  /** Tells them by their names. */
  readonly isShared: (name: string) => boolean;
}

interface ExternalTensor {
  readonly tensor: TensorProto;
  readonly load: () => TensorData | Promise<TensorData>;
}

interface Node {
  /** Operator, with `com.microsoft` as its domain where it is not one of ONNX's own. */
  readonly op: string;
  readonly domain?: 'com.microsoft';
  readonly inputs: readonly Value[];
  /** The node's name, and its output's where `outputs` is not given. */
  readonly name: string;
  readonly outputs?: readonly Value[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/**
 * Builds an ONNX graph node by node and saves it with its weights in a data file beside it (external data of
 * the ONNX specification). Weights are loaded only by {@link save}, one at a time, so no more than one of
 * them is in memory.
 *
 * Names must be unique; an error here is a mistake in an architecture, not in a model folder.
 */
export class GraphBuilder {
  readonly #nodes: NodeProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #external: ExternalTensor[] = [];
  readonly #values = new Set<Value>();

  /** Declares an input of the graph. */
  input(name: string, type: DataType, shape: readonly Dimension[]): Value {
    this.#inputs.push(valueInfo(name, type, shape));
    return this.#define(name);
  }

  /** Declares a value that some node puts out as an output of the graph. */
  output(name: Value, type: DataType, shape: readonly Dimension[]): void {
    this.#use(name);
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** Adds a node whose inputs exist already, and returns its first output. */
  node({ op, domain, inputs, name, outputs = [name], attributes = {} }: Node): Value {
    for (const input of inputs) this.#use(input);
    for (const output of outputs) if (output !== NONE) this.#define(output);
    this.#nodes.push(
      create(NodeProtoSchema, {
        opType: op,
        ...(domain !== undefined && { domain }),
        name,
        input: [...inputs],
        output: [...outputs],
        attribute: Object.entries(attributes).map(([key, attribute]) => attribute(key)),
      }),
    );
    return outputs[0] ?? name;
  }

  /** Adds a weight that goes to the data file. `load` is called once, by {@link save}. */
  initializer(
    name: string,
    type: DataType,
    shape: readonly number[],
    load: () => TensorData | Promise<TensorData>,
  ): Value {
    const tensor = create(TensorProtoSchema, { name, dataType: type, dims: shape.map(BigInt) });
    this.#initializers.push(tensor);
    this.#external.push({ tensor, load });
    return this.#define(name);
  }

  /**
   * Adds a small tensor that stays in the graph itself, where shape inference and constant folding see it.
   *
   * @param values In row-major order.
   */
  constant(
    name: string,
    shape: readonly number[],
    values: readonly number[],
    type: InlineType = DataType.INT64,
  ): Value {
    this.#initializers.push(inlineTensor(name, type, shape, values));
    return this.#define(name);
  }

  /**
   * Writes `graphPath` and `graphPath + '.data'`, both on disk (fsync) when it returns. Existing files are
   * replaced. May be called once.
   *
   * @param onProgress told before the first tensor and after each; what it throws stops the save.
   * @param shared weights that are not written again.
   * @throws KvasirError `storage_full`, before anything is loaded where the disk's size tells it
   */
  async save(
    graphPath: string,
    onProgress?: (progress: SaveProgress) => void,
    shared?: SharedWeights,
  ): Promise<void> {
    const own = shared === undefined ? this.#external : this.#takeShared(shared);
    await saveWeights(own, `${graphPath}.data`, onProgress);
    await this.#saveGraph(graphPath);
  }

  /** What {@link save} would write, as far as weights go. */
  weightsToWrite({ isShared }: Pick<SharedWeights, 'isShared'> = { isShared: () => false }): {
    readonly tensors: number;
    readonly bytes: number;
  } {
    const own = this.#external.filter(({ tensor }) => !isShared(tensor.name));
    return { tensors: own.length, bytes: bytesOf(own) };
  }

  /**
   * Writes a graph whose weights another one has saved, in the same folder.
   *
   * @param saved has them all, by the same names.
   */
  async saveBeside(graphPath: string, saved: GraphBuilder): Promise<void> {
    this.#takeShared({ saved, isShared: () => true });
    await this.#saveGraph(graphPath);
  }

  /**
   * The graph as an ONNX file's bytes, for one without weights in a data file.
   *
   * @param name of the graph.
   */
  toBytes(name: string): Uint8Array {
    if (this.#external.length > 0) throw new Error(`${name} has weights that belong into a file`);
    return this.#encode(name);
  }

  #encode(name: string): Uint8Array {
    const isNewer = this.#nodes.some(({ opType }) => NEWER_OPERATORS.has(opType));
    const { operators, format } = isNewer ? NEWER_OPSET : OPSET;
    const model: MessageInitShape<typeof ModelProtoSchema> = {
      irVersion: format,
      producerName: 'kvasir',
      opsetImport: [
        { domain: '', version: operators },
        { domain: 'com.microsoft', version: 1n },
      ],
      graph: create(GraphProtoSchema, {
        name,
        node: this.#nodes,
        initializer: this.#initializers,
        input: this.#inputs,
        output: this.#outputs,
      }),
    };
    return toBinary(ModelProtoSchema, create(ModelProtoSchema, model));
  }

  async #saveGraph(graphPath: string): Promise<void> {
    const model = this.#encode(path.basename(graphPath, '.onnx'));
    await withFile(graphPath, file => write(file, graphPath, model, 0));
  }

  /** Points weights to another graph's data file, and returns those that are left. */
  #takeShared({ saved, isShared }: SharedWeights): readonly ExternalTensor[] {
    const twins = new Map(saved.#external.map(({ tensor }) => [tensor.name, tensor]));
    return this.#external.filter(({ tensor }) => {
      if (!isShared(tensor.name)) return true;
      const twin = twins.get(tensor.name);
      if (twin === undefined || tensorBytes(twin) !== tensorBytes(tensor))
        throw new Error(`${tensor.name} has not been saved`);
      tensor.dataLocation = twin.dataLocation;
      tensor.externalData = twin.externalData;
      return false;
    });
  }

  #define(name: Value): Value {
    if (name === NONE || this.#values.has(name)) throw new Error(`the graph has a value '${name}' already`);
    this.#values.add(name);
    return name;
  }

  #use(name: Value): void {
    if (name !== NONE && !this.#values.has(name)) throw new Error(`the graph has no value '${name}'`);
  }
}

async function saveWeights(
  weights: readonly ExternalTensor[],
  dataPath: string,
  onProgress?: (progress: SaveProgress) => void,
): Promise<void> {
  const location = path.basename(dataPath);
  const allTensors = weights.length;
  const allBytes = bytesOf(weights);
  await requireSpace(path.dirname(dataPath), allBytes);
  let [tensors, bytes] = [0, 0];
  onProgress?.({ tensors, allTensors, bytes, allBytes });
  await withFile(dataPath, async file => {
    let end = 0;
    let writing = Promise.resolve();
    try {
      for (const { tensor, load } of weights) {
        const data = await load();
        if (data.byteLength !== tensorBytes(tensor))
          throw new Error(
            `${tensor.name}: ${data.byteLength} bytes for ${DataType[tensor.dataType]} [${tensor.dims.join(', ')}]`,
          );
        const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
        await writing;
        // Written while the next one is loaded.
        writing = write(
          file,
          dataPath,
          new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
          offset,
        );
        writing.catch(() => undefined);
        end = offset + data.byteLength;
        tensor.dataLocation = DataLocation.EXTERNAL;
        tensor.externalData = Object.entries({ location, offset, length: data.byteLength }).map(
          ([key, value]) => ({ $typeName: 'onnx.StringStringEntryProto', key, value: String(value) }),
        );
        bytes += data.byteLength;
        onProgress?.({ tensors: ++tensors, allTensors, bytes, allBytes });
      }
      await writing;
    } finally {
      await writing.catch(() => undefined);
    }
  });
}

function bytesOf(weights: readonly ExternalTensor[]): number {
  return weights.reduce((sum, { tensor }) => sum + tensorBytes(tensor), 0);
}

function tensorBytes({ dims, dataType }: TensorProto): number {
  return dims.reduce((product, dim) => product * Number(dim), ELEMENT_BYTES[dataType as DataType] ?? NaN);
}

function valueInfo(name: string, elemType: DataType, shape: readonly Dimension[]): ValueInfoProto {
  const dim = shape.map(dimension => ({
    value:
      typeof dimension === 'number'
        ? ({ case: 'dimValue', value: BigInt(dimension) } as const)
        : ({ case: 'dimParam', value: dimension } as const),
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } },
  });
}

async function withFile(file: string, use: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await storing(file, () => open(file, 'w'));
  try {
    await use(handle);
    await storing(file, () => handle.sync());
  } finally {
    await handle.close();
  }
}

async function write(file: FileHandle, name: string, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const length = Math.min(bytes.byteLength - done, LARGEST_WRITE);
    const { bytesWritten } = await storing(name, () => file.write(bytes, done, length, position + done));
    done += bytesWritten;
  }
}
