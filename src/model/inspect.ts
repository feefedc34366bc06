import path from 'node:path';
import { encoderArchitecture, findArchitecture } from '#graph/families/index.js';
import { isWaveform, type SoundShape, type WaveformShape } from '#graph/assembly/seq2seq/sound-shape.js';
import type { ModelConfig } from '#graph/config.js';
import { findVision, textConfig, towersArchitecture, visionConfig } from '#graph/families/vision/index.js';
import type { Precision } from '#graph/precision.js';
import { isNormalized } from '#graph/sentence-modules.js';
import type { Leftovers } from '#graph/weights/leftovers.js';
import { storedTensors, type StoredTensor } from '#graph/weights/stored-tensors.js';
import type { PlanOptions } from './decoder/decoder-plan.js';
import { paddedHeadSize } from '#graph/blocks/attention-projections.js';
import { cacheBytesPerToken, sourceBytesPerToken } from './cache/layer-cache.js';
import { seq2seqLayers, servedLengths } from './decoder/seq2seq/seq2seq-lengths.js';
import { readModelFolder, type ModelFolder } from './folder.js';
import { DataType, type GraphValue, type OnnxFile } from './onnx-file.js';
import { rawPath } from './raw-graph.js';
import { readSamplingConfig, type SamplingConfig } from './sampling-config.js';
import type { Similarity } from './sentence-config.js';
import type { RunPath } from './run-path.js';
import type { VisionTask } from './vision/contract.js';
import { tokensOf } from './vision/picture-encoder.js';

/** A report on a model folder. */
export interface ModelReport {
  readonly folder: string;
  readonly kind: 'generation' | 'seq2seq' | 'encoder' | 'vision' | 'towers' | 'raw';
  /** `model_type` of config.json. */
  readonly architecture: string | undefined;
  /** Longest sequence, in tokens; of an encoder-decoder, what it writes. */
  readonly contextLength: number | undefined;
  readonly vocabularySize: number | undefined;
  /** How it will run, and why. */
  readonly path: RunPath;
  /** What its weights are stored as, most bytes first; of the files that are run. */
  readonly weights: readonly StoredWeights[];
  /** Elements of all weights. */
  readonly parameters: number;
  readonly weightBytes: number;
  /** Bytes to expect of them in memory. */
  readonly loadedBytes: number;
  readonly generation?: GenerationReport;
  readonly encoder?: EncoderReport;
  readonly vision?: VisionReport;
  /** The ONNX graphs that are run, where they are ready-made. */
  readonly graphs?: readonly GraphReport[];
  /** Tensors that no layer of the graph reads which Kvasir writes; absent where it writes none. */
  readonly leftovers?: Leftovers | undefined;
}

export interface StoredWeights {
  /** As the file calls it, such as `BF16` or `FLOAT16`. */
  readonly type: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
  /** What the precision `stored` makes of them, and their bytes then; undefined where it is not known. */
  readonly asStored?: StoredTensor['asStored'];
}

/** What an encoder that hears reads of each source: frequencies and frames, or at least and at most so many samples. */
export type SoundReport = SoundShape | Pick<WaveformShape, 'shortest' | 'longest'>;

export interface GenerationReport {
  readonly layers: number;
  /** Query heads; undefined where a graph does not tell. */
  readonly heads: number | undefined;
  readonly kvHeads: number;
  /** As the cache has it, padding included. */
  readonly headSize: number;
  readonly cacheBytesPerToken: number;
  /** What an encoder-decoder reads. */
  readonly source?: {
    /** Of the encoder. */
    readonly layers: number;
    /** Longest one, in tokens. */
    readonly longest: number;
    readonly cacheBytesPerToken: number;
    /** Of one that hears: the frequencies and frames of each source, or the samples that it may have. */
    readonly sound?: SoundReport | undefined;
  };
  /** Of a generator: how its tokens are drawn where a request does not say. */
  readonly sampling?: SamplingConfig;
  /** Sentences about fields of generation_config.json that are not obeyed. */
  readonly warnings?: readonly string[];
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
  /** For embeddings: how the model's makers compare them; requests for similarities are answered by the cosine. */
  readonly similarity?: Similarity;
  /** For embeddings: names of its prompts, and the one that is put in front of texts by default. */
  readonly prompts?: readonly string[];
  readonly defaultPrompt?: string;
  readonly labels: readonly string[];
}

/** What sees pictures, alone or as one of two towers. */
export interface VisionReport {
  readonly task: VisionTask;
  readonly layers: number | undefined;
  readonly hiddenSize: number | undefined;
  /** Of the pictures that it reads, behind their preprocessing. */
  readonly size: { readonly width: number; readonly height: number };
  /** Tokens of one picture; undefined where its family is not known. */
  readonly tokens: number | undefined;
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

/**
 * Bytes per parameter of a graph that Kvasir writes: blocks of quantized weights have scales and zero points
 * beside them.
 */
const BYTES_PER_PARAMETER: Readonly<Record<Precision, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  int8: 1.07,
  w8a8: 1.05,
  int4: 0.66,
  stored: 0.7,
};

/**
 * Reads what a model folder is, without loading or building anything.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function inspectModel(folder: string, options: InspectOptions): Promise<ModelReport> {
  const read = await readModelFolder(folder, options);
  const report = await reportOn(folder, read, options);
  return read.leftovers === undefined ? report : { ...report, leftovers: read.leftovers };
}

async function reportOn(folder: string, read: ModelFolder, options: InspectOptions): Promise<ModelReport> {
  switch (read.kind) {
    case 'raw':
      return inspectRaw(folder, read);
    case 'encoder':
      return inspectEncoder(folder, read);
    case 'decoder':
      return inspectDecoder(folder, read, options);
    case 'seq2seq':
      return inspectSeq2Seq(folder, read, options);
    case 'vision': {
      const { task, labels, config, size } = read.description;
      return inspectVision(folder, read, { task, labels, ...visionSizesOf(config, size), size });
    }
    case 'towers': {
      const { config, size, contextLength } = read.description;
      const seen = { task: 'image-embedding', labels: [], ...visionSizesOf(config, size), size } as const;
      const towers = towersArchitecture(config);
      const { vocabularySize } = towers.text.sizes(textConfig(towers, config));
      return { ...(await inspectVision(folder, read, seen)), contextLength, vocabularySize };
    }
  }
}

type Read<K extends ModelFolder['kind']> = ModelFolder & { readonly kind: K };

function inspectRaw(folder: string, { graph }: Read<'raw'>): ModelReport {
  return {
    folder,
    kind: 'raw',
    architecture: undefined,
    contextLength: undefined,
    vocabularySize: undefined,
    path: rawPath(folder, graph),
    ...total(graphWeights([graph])),
    loadedBytes: total(graphWeights([graph])).weightBytes,
    graphs: [graphReport(folder, graph)],
  };
}

async function inspectDecoder(
  folder: string,
  { config, plan, sizes }: Read<'decoder'>,
  options: InspectOptions,
): Promise<ModelReport> {
  const graphs = plan.source === 'onnx' ? plan.found.graphs.map(({ file }) => file) : undefined;
  const weights = total(graphs === undefined ? await storedWeights(folder) : graphWeights(graphs));
  const { layers, caches, heads, kvHeads, headSize, vocabularySize, contextLength, cacheType } = sizes;
  const perToken = cacheBytesPerToken({ layers: caches, cacheType });
  // A past and the present that is made from it are in memory together.
  const copies = plan.path.kind === 'growing' ? 2 : 1;
  const length = options.contextLength ?? contextLength;
  const loadedBytes = loaded(weights, graphs, plan.path);
  const warnings: string[] = [];
  const sampling = await readSamplingConfig(folder, 'auto', warning => warnings.push(warning));
  return {
    folder,
    kind: 'generation',
    architecture: config?.string('model_type', ''),
    contextLength,
    vocabularySize,
    path: plan.path,
    ...weights,
    loadedBytes,
    generation: {
      layers,
      heads,
      kvHeads,
      headSize,
      cacheBytesPerToken: perToken,
      sampling,
      warnings,
      memory:
        length === undefined
          ? undefined
          : {
              slots: options.slots,
              weights: loadedBytes,
              cache: options.slots * length * perToken * copies,
            },
    },
    ...(graphs !== undefined && { graphs: graphs.map(graph => graphReport(folder, graph)) }),
  };
}

async function inspectSeq2Seq(
  folder: string,
  read: Read<'seq2seq'>,
  options: InspectOptions,
): Promise<ModelReport> {
  const { config, path, sizes } = read;
  const graphs = read.source === 'onnx' ? read.found.files : undefined;
  const cacheType = read.source === 'onnx' ? read.found.next.ports.cacheType : undefined;
  const weights = total(graphs === undefined ? await storedWeights(folder) : graphWeights(graphs));
  const { encoderLayers, decoderLayers, heads, vocabularySize } = sizes;
  const { contextLength, sourceLength } = servedLengths(folder, sizes, options.contextLength);
  const headSize = graphs === undefined ? paddedHeadSize(sizes.headSize) : sizes.headSize;
  const layers = seq2seqLayers(sizes, headSize);
  const perToken = cacheBytesPerToken({ layers, cacheType });
  const perSourceToken = sourceBytesPerToken({ layers, cacheType });
  const loadedBytes = loaded(weights, graphs, path);
  // What is made for a run is in memory beside what it is made of.
  const copies = path.kind === 'growing' ? 2 : 1;
  const slotBytes = (contextLength * perToken + sourceLength * perSourceToken) * copies;
  return {
    folder,
    kind: 'seq2seq',
    architecture: config.modelType,
    contextLength: sizes.contextLength,
    vocabularySize,
    path,
    ...weights,
    loadedBytes,
    generation: {
      layers: decoderLayers,
      heads,
      kvHeads: heads,
      headSize,
      cacheBytesPerToken: perToken,
      source: {
        layers: encoderLayers,
        longest: sizes.sourceLength,
        cacheBytesPerToken: perSourceToken,
        ...(sizes.sound !== undefined && { sound: soundReport(sizes.sound) }),
      },
      memory: { slots: options.slots, weights: loadedBytes, cache: options.slots * slotBytes },
    },
    ...(graphs !== undefined && { graphs: graphs.map(graph => graphReport(folder, graph)) }),
  };
}

function soundReport(sound: SoundShape | WaveformShape): SoundReport {
  return isWaveform(sound) ? { shortest: sound.shortest, longest: sound.longest } : sound;
}

async function inspectEncoder(
  folder: string,
  { description, plan, contextLength }: Read<'encoder'>,
): Promise<ModelReport> {
  const { task, config, modules, labels, sentences } = description;
  const graphs = plan.source === 'onnx' ? [plan.graph] : undefined;
  const weights = total(
    graphs === undefined
      ? await storedWeights(path.join(folder, modules.encoderFolder))
      : graphWeights(graphs),
  );
  const sizes =
    graphs === undefined
      ? encoderArchitecture(config).sizes(config)
      : findArchitecture(config)?.sizes(config);
  return {
    folder,
    kind: 'encoder',
    architecture: config.string('model_type', ''),
    contextLength,
    vocabularySize: sizes?.vocabularySize,
    path: plan.path,
    ...weights,
    loadedBytes: loaded(weights, graphs, plan.path),
    encoder: {
      task,
      layers: sizes?.layers,
      hiddenSize: sizes?.hiddenSize,
      pooling: task === 'embedding' ? modules.pooling : [],
      normalize: task === 'embedding' && isNormalized(modules),
      ...(task === 'embedding' && {
        similarity: sentences.similarity,
        prompts: [...sentences.prompts.keys()],
        defaultPrompt: sentences.defaultPrompt,
      }),
      labels,
    },
    ...(graphs !== undefined && { graphs: graphs.map(file => graphReport(folder, file)) }),
  };
}

async function inspectVision(
  folder: string,
  { kind, description: { config }, plan }: Read<'vision' | 'towers'>,
  vision: VisionReport,
): Promise<ModelReport> {
  const graphs = plan.source === 'onnx' ? plan.graphs : undefined;
  const weights = total(graphs === undefined ? await storedWeights(folder) : graphWeights(graphs));
  return {
    folder,
    kind,
    architecture: config.string('model_type', ''),
    contextLength: undefined,
    vocabularySize: undefined,
    path: plan.path,
    ...weights,
    loadedBytes: loaded(weights, graphs, plan.path),
    vision,
    ...(graphs !== undefined && { graphs: graphs.map(file => graphReport(folder, file)) }),
  };
}

/** What a known family's config.json says of its encoder of pictures. */
function visionSizesOf(
  config: ModelConfig,
  size: VisionReport['size'],
): Pick<VisionReport, 'layers' | 'hiddenSize' | 'tokens'> {
  const architecture = findVision(config);
  if (architecture === undefined) return { layers: undefined, hiddenSize: undefined, tokens: undefined };
  const sizes = architecture.sizes(visionConfig(architecture, config));
  const { layers, hiddenSize } = sizes;
  return { layers, hiddenSize, tokens: tokensOf(sizes, size.width, size.height) };
}

function loaded(
  { parameters, weightBytes, weights }: Pick<ModelReport, 'parameters' | 'weightBytes' | 'weights'>,
  graphs: readonly OnnxFile[] | undefined,
  path: RunPath,
): number {
  if (graphs !== undefined) return weightBytes;
  const precision = path.precision as Precision;
  const known = weights.every(({ asStored }) => asStored !== undefined);
  if (precision === 'stored' && known) return weights.reduce((sum, { asStored }) => sum + asStored!.bytes, 0);
  return Math.round(parameters * BYTES_PER_PARAMETER[precision]);
}

/** What the headers of a folder's weights say. */
async function storedWeights(folder: string): Promise<StoredWeights[]> {
  return byType(await storedTensors(folder));
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

function byType(tensors: readonly StoredTensor[]): StoredWeights[] {
  const types = new Map<string, StoredWeights>();
  for (const { type, parameters, bytes, asStored } of tensors) {
    const sum = types.get(type) ?? { type, tensors: 0, parameters: 0, bytes: 0, asStored: undefined };
    const bytesAsStored = (sum.asStored?.bytes ?? 0) + (asStored?.bytes ?? 0);
    types.set(type, {
      type,
      tensors: sum.tensors + 1,
      parameters: sum.parameters + parameters,
      bytes: sum.bytes + bytes,
      asStored: asStored && { form: asStored.form, bytes: bytesAsStored },
    });
  }
  return [...types.values()].sort((a, b) => b.bytes - a.bytes);
}

function total(
  weights: readonly StoredWeights[],
): Pick<ModelReport, 'weights' | 'parameters' | 'weightBytes'> {
  return {
    weights,
    parameters: weights.reduce((sum, { parameters }) => sum + parameters, 0),
    weightBytes: weights.reduce((sum, { bytes }) => sum + bytes, 0),
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
