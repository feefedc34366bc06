import { fromBinary } from '@bufbuild/protobuf';
import { stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { openRegularFile } from '#files.js';
import {
  NodeProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '#graph/onnx/onnx_pb.js';

export { DataType };

/** An input or output of a graph. */
export interface GraphValue {
  readonly name: string;
  /** `UNDEFINED` for values that are no tensors. */
  readonly type: DataType;
  /** Outermost first: a size, or the name of a dimension that may vary (empty where it has none). */
  readonly shape: readonly (number | string)[];
}

/** A weight, without its elements. */
export interface GraphWeight {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly number[];
  /** Bytes of its elements, wherever they lie. */
  readonly bytes: number;
  /** The one number of a float tensor that has no more. */
  readonly scalar?: number | undefined;
  /** Where they begin in a file beside the graph, which is named relative to its folder; undefined: in the graph. */
  readonly external?: { readonly file: string; readonly offset: number };
}

/** What an ONNX file says, without its weights' elements. */
export interface OnnxFile {
  readonly path: string;
  /** What needs to be given; weights that may be overridden are left out. */
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** All nodes, those of subgraphs (branches of If, bodies of Loop) included. */
  readonly nodes: readonly NodeProto[];
  readonly weights: readonly GraphWeight[];
  /** Files with external data, relative to the graph's folder. */
  readonly dataFiles: readonly string[];
}

/** Field numbers of the messages that are read piece by piece (onnx.proto). */
const MODEL_GRAPH = 7;
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12 } as const;
/** Fields of TensorProto that hold elements. */
const ELEMENTS: readonly number[] = [4, 5, 6, 7, 9, 10, 11];
/** Bytes of elements that are read all the same: those of a number. */
const NUMBER = 8;

/**
 * Reads an ONNX file's structure. Weights are stepped over, so that a file of gigabytes costs a few reads.
 *
 * @throws KvasirError `invalid_model` where it is missing, cut off or no ONNX file, or where its external
 * data is missing, cut off, or outside of its folder
 */
export async function readOnnxFile(file: string): Promise<OnnxFile> {
  const handle = await openRegularFile(file);
  try {
    return await new Skimmer(file, handle, (await handle.stat()).size).read();
  } catch (cause) {
    if (cause instanceof KvasirError) throw cause;
    throw new KvasirError('invalid_model', `${file} is no ONNX file, or a broken one`, { cause });
  } finally {
    await handle.close();
  }
}

/** A field of a protobuf message in a file: https://protobuf.dev/programming-guides/encoding */
interface Field {
  readonly number: number;
  readonly isBytes: boolean;
  /** Where it begins, its tag included. */
  readonly start: number;
  /** Where its contents begin and end. */
  readonly begin: number;
  readonly end: number;
}

const WINDOW = 2 ** 16;

class Skimmer {
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #size: number;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;
  readonly #nodes: NodeProto[] = [];
  readonly #tensors: TensorProto[] = [];
  readonly #inputs: GraphValue[] = [];
  readonly #outputs: GraphValue[] = [];

  constructor(file: string, handle: FileHandle, size: number) {
    this.#file = file;
    this.#handle = handle;
    this.#size = size;
  }

  async read(): Promise<OnnxFile> {
    let graphs = 0;
    for await (const field of this.#fields(0, this.#size)) {
      if (field.number !== MODEL_GRAPH || !field.isBytes) continue;
      graphs++;
      await this.#readGraph(field);
    }
    if (graphs === 0) return this.#fail('holds no graph');
    const weights = this.#tensors.map(tensor => this.#weight(tensor));
    const names = new Set(weights.map(({ name }) => name));
    return {
      path: this.#file,
      inputs: this.#inputs.filter(({ name }) => !names.has(name)),
      outputs: this.#outputs,
      nodes: this.#nodes,
      weights,
      dataFiles: await this.#checkData(),
    };
  }

  async #readGraph({ begin, end }: Field): Promise<void> {
    for await (const field of this.#fields(begin, end)) {
      if (!field.isBytes) continue;
      if (field.number === GRAPH.node)
        this.#addNode(fromBinary(NodeProtoSchema, await this.#bytes(field.begin, field.end)));
      else if (field.number === GRAPH.initializer) this.#tensors.push(await this.#readTensor(field));
      else if (field.number === GRAPH.input || field.number === GRAPH.output) {
        const info = fromBinary(ValueInfoProtoSchema, await this.#bytes(field.begin, field.end));
        (field.number === GRAPH.input ? this.#inputs : this.#outputs).push(graphValue(info));
      }
    }
  }

  #addNode(node: NodeProto): void {
    this.#nodes.push(node);
    for (const { g: graph, t: tensor } of node.attribute) {
      if (tensor?.dataLocation === DataLocation.EXTERNAL) this.#tensors.push(tensor);
      if (graph === undefined) continue;
      this.#tensors.push(...graph.initializer);
      for (const inner of graph.node) this.#addNode(inner);
    }
  }

  /** A tensor without its elements, unless it is a number. */
  async #readTensor({ begin, end }: Field): Promise<TensorProto> {
    const kept: Uint8Array[] = [];
    for await (const field of this.#fields(begin, end))
      if (!ELEMENTS.includes(field.number) || (field.isBytes && field.end - field.begin <= NUMBER))
        kept.push(await this.#bytes(field.start, field.end));
    return fromBinary(TensorProtoSchema, Buffer.concat(kept));
  }

  #weight(tensor: TensorProto): GraphWeight {
    const { name, dataType, dims, dataLocation, externalData } = tensor;
    const shape = dims.map(Number);
    const elements = shape.reduce((product, size) => product * size, 1);
    const place = new Map(externalData.map(({ key, value }) => [key, value]));
    return {
      name,
      type: dataType,
      shape,
      bytes: Math.ceil((elements * (BITS[dataType as DataType] ?? 8)) / 8),
      ...(elements === 1 && (dataType as DataType) === DataType.FLOAT && { scalar: numberOf(tensor) }),
      ...(dataLocation === DataLocation.EXTERNAL && {
        external: { file: place.get('location') ?? '', offset: Number(place.get('offset') ?? 0) },
      }),
    };
  }

  /**
   * Makes sure that external data is there and nowhere else, before ONNX Runtime opens whatever a stranger's
   * file names.
   */
  async #checkData(): Promise<string[]> {
    const folder = path.dirname(this.#file);
    const sizes = new Map<string, number>();
    for (const tensor of this.#tensors) {
      if (tensor.dataLocation !== DataLocation.EXTERNAL) continue;
      const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
      const location = entries.get('location') ?? '';
      if (!staysInside(location))
        return this.#fail(
          `keeps tensor '${tensor.name}' outside of its folder, in ${JSON.stringify(location)}`,
        );
      let size = sizes.get(location);
      if (size === undefined) {
        const found = await stat(path.join(folder, location)).catch(() => undefined);
        if (!found?.isFile()) return this.#fail(`keeps its weights in ${location}, which is missing`);
        sizes.set(location, (size = found.size));
      }
      const end = Number(entries.get('offset') ?? 0) + Number(entries.get('length') ?? 0);
      if (!(end <= size))
        return this.#fail(
          `keeps tensor '${tensor.name}' in ${location} up to byte ${end}, but that has ${size} bytes: is it cut off?`,
        );
    }
    return [...sizes.keys()];
  }

  /** The fields of the message between two places in the file. */
  async *#fields(begin: number, end: number): AsyncGenerator<Field> {
    for (let position = begin; position < end;) {
      const start = position;
      const [tag, afterTag] = await this.#varint(position, end);
      position = afterTag;
      const type = tag & 7;
      let length = 0;
      if (tag < 8) return this.#fail(`is no ONNX file, or a broken one (byte ${start})`);
      if (type === 0) [, position] = await this.#varint(position, end);
      else if (type === 1) length = 8;
      else if (type === 5) length = 4;
      else if (type === 2) [length, position] = await this.#varint(position, end);
      else return this.#fail(`is no ONNX file, or a broken one (byte ${start})`);
      const fieldEnd = position + length;
      if (fieldEnd > end) return this.#cutOff();
      yield { number: tag >>> 3, isBytes: type === 2, start, begin: position, end: fieldEnd };
      position = fieldEnd;
    }
  }

  /** A variable-length integer, as far as doubles are exact, and where it ends. */
  async #varint(position: number, end: number): Promise<[number, number]> {
    const bytes = await this.#bytes(position, Math.min(position + 10, end));
    let value = 0;
    for (const [i, byte] of bytes.entries()) {
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return [value, position + i + 1];
    }
    return this.#cutOff();
  }

  /** Bytes of the file. */
  async #bytes(begin: number, end: number): Promise<Uint8Array> {
    if (end > this.#size) return this.#cutOff();
    const length = end - begin;
    if (length > WINDOW) return this.#load(begin, length);
    if (begin < this.#windowStart || end > this.#windowStart + this.#window.length) {
      this.#window = await this.#load(begin, Math.min(WINDOW, this.#size - begin));
      this.#windowStart = begin;
    }
    return this.#window.subarray(begin - this.#windowStart, end - this.#windowStart);
  }

  async #load(begin: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const { bytesRead } = await this.#handle.read(bytes, 0, length, begin);
    if (bytesRead < length) return this.#cutOff();
    return bytes;
  }

  /** How long it should be is not said: in a file that is no ONNX at all the number would be its contents. */
  #cutOff(): never {
    return this.#fail(`has ${this.#size} bytes, but what is in them goes on: is it cut off?`);
  }

  #fail(fault: string): never {
    throw new KvasirError('invalid_model', `${this.#file} ${fault}`);
  }
}

/** The number of a float tensor that has one and keeps it in the graph. */
export function numberOf({ floatData, rawData }: TensorProto): number | undefined {
  if (floatData.length === 1) return floatData[0];
  if (rawData.length !== 4) return undefined;
  return new DataView(rawData.buffer, rawData.byteOffset, rawData.length).getFloat32(0, true);
}

function graphValue({ name, type }: ValueInfoProto): GraphValue {
  if (type?.value.case !== 'tensorType') return { name, type: DataType.UNDEFINED, shape: [] };
  const { elemType, shape } = type.value.value;
  return {
    name,
    type: elemType,
    shape: (shape?.dim ?? []).map(({ value }) =>
      value.case === 'dimValue' ? Number(value.value) : (value.value ?? ''),
    ),
  };
}

function staysInside(location: string): boolean {
  const parts = path.posix.normalize(location.replaceAll('\\', '/'));
  return (
    location !== '' &&
    !path.posix.isAbsolute(parts) &&
    !/^[A-Za-z]:/.test(parts) &&
    parts.split('/')[0] !== '..'
  );
}

/** Bits of an element that is not a byte. */
const BITS: Partial<Record<DataType, number>> = {
  [DataType.INT4]: 4,
  [DataType.UINT4]: 4,
  [DataType.FLOAT4E2M1]: 4,
  [DataType.FLOAT16]: 16,
  [DataType.BFLOAT16]: 16,
  [DataType.INT16]: 16,
  [DataType.UINT16]: 16,
  [DataType.FLOAT]: 32,
  [DataType.INT32]: 32,
  [DataType.UINT32]: 32,
  [DataType.DOUBLE]: 64,
  [DataType.INT64]: 64,
  [DataType.UINT64]: 64,
  [DataType.COMPLEX64]: 64,
  [DataType.COMPLEX128]: 128,
};
