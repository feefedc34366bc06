import { existsSync } from 'node:fs';
import path from 'node:path';
import { decoderArchitecture } from '#graph/architectures/index.js';
import { encoderArchitecture, findArchitecture } from '#graph/architectures/encoders.js';
import { paddedHeadSize } from '#graph/blocks/attention-projections.js';
import { ModelConfig } from '#graph/config.js';
import type { Precision } from '#graph/precision.js';
import { weightFiles } from '#graph/weights/checkpoint.js';
import { SafetensorsFile } from '#graph/weights/safetensors.js';
import { planDecoder, type DecoderPlan, type PlanOptions } from './decoder/decoder-plan.js';
import { attentionLayers, cacheBytesPerToken } from './cache/layer-cache.js';
import type { DecoderShape } from './decoder/contract.js';
import { describeEncoder, modelKind } from './encoder-description.js';
import { planEncoder } from './encoder/encoder-plan.js';
import { DataType, readOnnxFile, type GraphValue, type OnnxFile } from './onnx-file.js';
import { rawGraph, rawPath } from './raw-graph.js';
import type { RunPath } from './run-path.js';

/** What a model folder holds. */
export interface ModelReport {
  readonly folder: string;
  readonly kind: 'generation' | 'encoder' | 'raw';
  /** `model_type` of config.json. */
  readonly architecture: string | undefined;
  /** Longest sequence, in tokens. */
  readonly contextLength: number | undefined;
  readonly vocabularySize: number | undefined;
  /** How it will run, and why. */
  readonly path: RunPath;
  /** What its weights are stored as, most bytes first; of the files that are run. */
  readonly weights: readonly StoredWeights[];
  /** Elements of all weights. */
  readonly parameters: number;
  readonly weightBytes: number;
  readonly generation?: GenerationReport;
  readonly encoder?: EncoderReport;
  /** The ONNX graphs that are run, where they are ready-made. */
  readonly graphs?: readonly GraphReport[];
}

export interface StoredWeights {
  /** As the file calls it, such as `BF16` or `FLOAT16`. */
  readonly type: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
}

export interface GenerationReport {
  readonly layers: number;
  /** Query heads; undefined where a graph does not tell. */
  readonly heads: number | undefined;
  readonly kvHeads: number;
  /** As the cache has it, padding included. */
  readonly headSize: number;
  readonly cacheBytesPerToken: number;
  /** Bytes to expect in memory with all slots full; undefined where the context has no known end. */
  readonly memory: { readonly slots: number; readonly weights: number; readonly cache: number } | undefined;
}

export interface EncoderReport {
  readonly task: string;
  readonly layers: number | undefined;
  readonly hiddenSize: number | undefined;
  /** For embeddings: how one vector is made of a text's tokens. */
  readonly pooling: readonly string[];
  readonly normalize: boolean;
  readonly labels: readonly string[];
}

export interface GraphReport {
  readonly file: string;
  readonly inputs: readonly PortReport[];
  readonly outputs: readonly PortReport[];
  /** How often each operator occurs, by name with its domain where it is not ONNX's own. */
  readonly operators: Readonly<Record<string, number>>;
}

export interface PortReport {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

export interface InspectOptions extends PlanOptions {
  /** For how many sequences to tell the memory. */
  readonly slots: number;
  /** Longest sequence to tell the memory for; default: the model's own. */
  readonly contextLength?: number | undefined;
}

/** Bytes per parameter of a graph that Kvasir writes: blocks of quantized weights have scales and zero points beside them. */
const BYTES_PER_PARAMETER: Readonly<Record<Precision, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  int8: 1.07,
  w8a8: 1.05,
  int4: 0.66,
};

/**
 * Reads what a model folder is, without loading or building anything.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function inspectModel(folder: string, options: InspectOptions): Promise<ModelReport> {
  const graph = await rawGraph(folder, options.precision);
  if (graph !== undefined) return inspectRaw(folder, graph);
  return (await modelKind(folder)) === 'encoder'
    ? inspectEncoder(folder, options)
    : inspectDecoder(folder, options);
}

async function inspectRaw(folder: string, graph: string): Promise<ModelReport> {
  const file = await readOnnxFile(graph);
  const weights = graphWeights([file]);
  const { parameters, bytes } = total(weights);
  return {
    folder,
    kind: 'raw',
    architecture: undefined,
    contextLength: undefined,
    vocabularySize: undefined,
    path: rawPath(folder, file),
    weights,
    parameters,
    weightBytes: bytes,
    graphs: [graphReport(folder, file)],
  };
}

async function inspectDecoder(folder: string, options: InspectOptions): Promise<ModelReport> {
  const plan = await planDecoder(folder, options);
  const config = existsSync(path.join(folder, 'config.json')) ? await ModelConfig.read(folder) : undefined;
  const graphs = plan.source === 'onnx' ? plan.found.graphs.map(({ file }) => file) : undefined;
  const weights = graphs === undefined ? await storedWeights(folder) : graphWeights(graphs);
  const { shape, heads, contextLength } = decoderSizes(plan, config);
  const { parameters, bytes } = total(weights);
  const perToken = cacheBytesPerToken({ ...shape, layers: attentionLayers(shape.layers, shape) });
  // A past and the present that is made from it are in memory together.
  const copies = plan.path.kind === 'growing' ? 2 : 1;
  const length = options.contextLength ?? contextLength;
  return {
    folder,
    kind: 'generation',
    architecture: config?.string('model_type', ''),
    contextLength,
    vocabularySize: shape.vocabularySize,
    path: plan.path,
    weights,
    parameters,
    weightBytes: bytes,
    generation: {
      layers: shape.layers,
      heads,
      kvHeads: shape.kvHeads,
      headSize: shape.headSize,
      cacheBytesPerToken: perToken,
      memory:
        length === undefined
          ? undefined
          : {
              slots: options.slots,
              weights:
                graphs === undefined
                  ? Math.round(parameters * BYTES_PER_PARAMETER[options.precision ?? 'f32'])
                  : bytes,
              cache: options.slots * length * perToken * copies,
            },
    },
    ...(graphs !== undefined && { graphs: graphs.map(graph => graphReport(folder, graph)) }),
  };
}

interface DescribedDecoder {
  readonly shape: Omit<DecoderShape, 'layers'> & { layers: number; kvHeads: number; headSize: number };
  readonly heads: number | undefined;
  readonly contextLength: number | undefined;
}

function decoderSizes(plan: DecoderPlan, config: ModelConfig | undefined): DescribedDecoder {
  if (plan.source === 'weights') {
    const { layers, heads, kvHeads, headSize, vocabularySize, contextLength } = decoderArchitecture(
      config!,
    ).sizes(config!);
    const shape = { layers, kvHeads, headSize: paddedHeadSize(headSize), vocabularySize, contextLength };
    return { shape, heads, contextLength };
  }
  const { graphs, vocabularySize, contextLength } = plan.found;
  const { ports, file } = graphs.at(-1)!;
  const { heads: kvHeads, headSize } = ports.caches[0]!;
  const attention = file.nodes.find(({ opType }) => opType === 'GroupQueryAttention');
  const named = attention?.attribute.find(({ name }) => name === 'num_heads');
  const heads = named === undefined ? undefined : Number(named.i);
  const configured = config?.has('num_attention_heads') ? config.size('num_attention_heads') : undefined;
  const { layers, cacheType } = ports;
  const shape = { layers, kvHeads, headSize, vocabularySize, contextLength: contextLength ?? 0, cacheType };
  return { shape, heads: heads ?? configured, contextLength };
}

async function inspectEncoder(folder: string, options: InspectOptions): Promise<ModelReport> {
  const description = await describeEncoder(folder);
  const { task, config, modules, labels } = description;
  const plan = await planEncoder(folder, description, options);
  const graphs = plan.source === 'onnx' ? [plan.graph] : undefined;
  const weights =
    graphs === undefined
      ? await storedWeights(path.join(folder, modules.encoderFolder))
      : graphWeights(graphs);
  const known = findArchitecture(config) !== undefined || graphs === undefined;
  const sizes = known ? encoderArchitecture(config).sizes(config) : undefined;
  const { parameters, bytes } = total(weights);
  return {
    folder,
    kind: 'encoder',
    architecture: config.string('model_type', ''),
    contextLength: Math.min(sizes?.contextLength ?? Infinity, modules.contextLength ?? Infinity),
    vocabularySize: sizes?.vocabularySize,
    path: plan.path,
    weights,
    parameters,
    weightBytes: bytes,
    encoder: {
      task,
      layers: sizes?.layers,
      hiddenSize: sizes?.hiddenSize,
      pooling: task === 'embedding' ? modules.pooling : [],
      normalize: task === 'embedding' && modules.normalize,
      labels,
    },
    ...(graphs !== undefined && { graphs: graphs.map(file => graphReport(folder, file)) }),
  };
}

/** What the headers of safetensors files say. */
async function storedWeights(folder: string): Promise<StoredWeights[]> {
  const tensors: { type: string; parameters: number; bytes: number }[] = [];
  for (const name of await weightFiles(folder)) {
    if (!name.endsWith('.safetensors')) continue;
    const file = await SafetensorsFile.open(path.join(folder, name));
    await file.close();
    for (const { type, shape, begin, end } of file.tensors.values())
      tensors.push({
        type,
        parameters: shape.reduce((product, size) => product * size, 1),
        bytes: end - begin,
      });
  }
  return byType(tensors);
}

function graphWeights(graphs: readonly OnnxFile[]): StoredWeights[] {
  return byType(
    graphs.flatMap(({ weights }) =>
      weights.map(({ type, shape, bytes }) => ({
        type: DataType[type],
        parameters: shape.reduce((product, size) => product * size, 1),
        bytes,
      })),
    ),
  );
}

function byType(tensors: readonly { type: string; parameters: number; bytes: number }[]): StoredWeights[] {
  const types = new Map<string, StoredWeights>();
  for (const { type, parameters, bytes } of tensors) {
    const sum = types.get(type) ?? { type, tensors: 0, parameters: 0, bytes: 0 };
    types.set(type, {
      type,
      tensors: sum.tensors + 1,
      parameters: sum.parameters + parameters,
      bytes: sum.bytes + bytes,
    });
  }
  return [...types.values()].sort((a, b) => b.bytes - a.bytes);
}

function total(weights: readonly StoredWeights[]): { parameters: number; bytes: number } {
  return {
    parameters: weights.reduce((sum, { parameters }) => sum + parameters, 0),
    bytes: weights.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function graphReport(folder: string, { path: file, inputs, outputs, nodes }: OnnxFile): GraphReport {
  const operators: Record<string, number> = {};
  for (const { opType, domain } of nodes) {
    const name = domain === '' ? opType : `${domain}.${opType}`;
    operators[name] = (operators[name] ?? 0) + 1;
  }
  const port = ({ name, type, shape }: GraphValue): PortReport => ({ name, type: DataType[type], shape });
  return {
    file: path.relative(folder, file),
    inputs: inputs.map(port),
    outputs: outputs.map(port),
    operators: Object.fromEntries(Object.entries(operators).sort(([, a], [, b]) => b - a)),
  };
}
