import path from 'node:path';
import { decoderArchitecture } from './families/index.js';
import { textNames, textPart } from './families/text-part.js';
import { requireCausal } from './assembly/attention-direction.js';
import { LLAMA_NAMES, type DecoderArchitecture } from './assembly/decoder-design.js';
import type { DecoderSizes } from './assembly/decoder-source.js';
import { isOfUnreadKeys } from './assembly/shared-keys.js';
import { writeGenerator } from './assembly/generator.js';
import { writtenContext, type WrittenContext } from './assembly/written-context.js';
import { buildOnce } from './build-cache.js';
import type { CacheKind, DecoderForm } from './cache-kind.js';
import { ModelConfig } from './config.js';
import { fieldWarnings } from './config-fields/field-warnings.js';
import { refuseUnwritten } from './config-fields/unwritten.js';
import { ModelGraph, type NumberFormat } from './model-graph.js';
import { DataType, type SaveProgress } from './onnx/graph-builder.js';
import { defaultPrecision, NUMBER_FORMATS, withHalfFloats, type Precision } from './precision.js';
import { refuseQuantized } from './quantized-checkpoint.js';
import { weightBits } from './quantization/per-channel.js';
import { Checkpoint, weightFiles } from './weights/checkpoint.js';
import { predictsFurtherTokens, sortLeftovers, type Leftovers } from './weights/leftovers.js';
import { ModelWeights } from './weights/model-weights.js';

/** Element type of a cache of keys and values. */
export type CacheType = 'float32' | 'float16' | 'bfloat16';

/** The element type of a graph's cache by that of its floats. */
export const CACHE_TYPES = {
  [DataType.FLOAT]: 'float32',
  [DataType.FLOAT16]: 'float16',
  [DataType.BFLOAT16]: 'bfloat16',
} as const;

/** A graph on disk, ready to load. */
export interface BuiltDecoder {
  readonly graphPath: string;
  readonly sizes: DecoderSizes;
  readonly cacheType: CacheType;
  /** A graph over the same weights and cache for mixed runs ({@link mixedAttention}), if there is one. */
  readonly mixedPath: string | undefined;
}

export interface BuildOptions {
  /** Default {@link defaultPrecision}. */
  readonly precision?: Precision | undefined;
  /** Longest sequence that will be run; by default the model's own. */
  readonly contextLength?: number | undefined;
  /**
   * Told while weights are written, and not at all where the graph is there already; what it throws stops the
   * build.
   */
  readonly onProgress?: ((progress: SaveProgress) => void) | undefined;
  /** Told in a sentence where a graph that was built before is found damaged, and is built again. */
  readonly onDamaged?: ((fault: string) => void) | undefined;
  /** True if floats have 16 bits, whatever the precision of the matrices; see {@link withHalfFloats}. */
  readonly halfFloats?: boolean | undefined;
  /** Default `slots`. */
  readonly cache?: CacheKind | undefined;
}

/**
 * The ONNX graph of a decoder in the Hugging Face layout (`config.json`, `model.safetensors` or its shards).
 * Built on the first call for a precision, and again when one of these files changes.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `storage_full`
 */
export async function buildDecoder(folder: string, options: BuildOptions = {}): Promise<BuiltDecoder> {
  const design = await designDecoder(folder, options);
  const { sizes, format, variant } = design;
  const files = ['config.json', ...(await weightFiles(folder))];
  const { onProgress, onDamaged } = options;
  const build = await buildOnce({ folder, files, variant, onDamaged }, target =>
    withGraphs(folder, design, async (graph, mixed) => {
      await graph.save(path.join(target, 'decoder.onnx'), onProgress);
      await mixed?.saveBeside(path.join(target, 'mixed.onnx'), graph);
    }),
  );
  return {
    graphPath: path.join(build, 'decoder.onnx'),
    sizes,
    cacheType: CACHE_TYPES[format.floats],
    mixedPath: design.mixes ? path.join(build, 'mixed.onnx') : undefined,
  };
}

/**
 * Checks a decoder's folder as far as a build would without reading the weights' elements: each is there, in
 * the shape that config.json asks for, and of a type that can be read.
 *
 * @returns the tensors that it does not need.
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export async function checkDecoder(folder: string, options: BuildOptions = {}): Promise<Leftovers> {
  return withGraphs(folder, await designDecoder(folder, options), async () => undefined);
}

/** All that a decoder's graph depends on but the weights. */
interface Design {
  readonly architecture: DecoderArchitecture;
  readonly config: ModelConfig;
  /** True if it is the text part of a model that also sees. */
  readonly isPart: boolean;
  readonly sizes: DecoderSizes;
  readonly written: WrittenContext;
  readonly format: NumberFormat;
  readonly cache: CacheKind;
  readonly mixes: boolean;
  readonly variant: string;
}

async function designDecoder(
  folder: string,
  { precision: wanted, contextLength = Infinity, halfFloats = false, cache = 'slots' }: BuildOptions,
): Promise<Design> {
  const whole = await ModelConfig.read(folder);
  const architecture = decoderArchitecture(whole);
  refuseQuantized(whole);
  const part = textPart(whole);
  const config = part ?? whole;
  requireCausal(config);
  const precision = wanted ?? defaultPrecision(whole);
  refuseUnwritten(config);
  const sizes = architecture.sizes(config);
  const written = writtenContext(config, sizes.contextLength, contextLength);
  const exact = NUMBER_FORMATS[precision];
  const format = halfFloats ? withHalfFloats(exact) : exact;
  const half = format === exact ? '' : '-half';
  const bits = format.w8a8 ? `-w${weightBits()}` : '';
  const paged = cache === 'paged' ? '-paged' : '';
  const variant = `decoder-${precision}${bits}${half}${written.name}${paged}`;
  // CUDA has a paged cache for that.
  const mixes = cache === 'slots' && !halfFloats;
  return { architecture, config, isPart: part !== undefined, sizes, written, format, cache, mixes, variant };
}

/** Elements that are compared at each of a few places. */
const SAMPLE = 1024;

/**
 * Where config.json ties the output projection to the embeddings, but one of its own is stored and differs,
 * it is no head that somebody else needs.
 */
async function withUntiedHead(
  checkpoint: Checkpoint,
  { names = LLAMA_NAMES }: DecoderArchitecture,
  sizes: DecoderSizes,
  leftovers: Leftovers,
): Promise<Leftovers> {
  const head = 'lm_head.weight';
  const embedding = `${names.body}.${names.embedding}.weight`;
  if (!leftovers.heads.includes(head) || !checkpoint.has(embedding)) return leftovers;
  if (await areEqual(checkpoint, head, embedding, sizes)) return leftovers;
  return {
    ...leftovers,
    heads: leftovers.heads.filter(name => name !== head),
    unknown: [...leftovers.unknown, head],
  };
}

/** Compares samples of two matrices; those that cannot be read as such differ. */
async function areEqual(
  checkpoint: Checkpoint,
  one: string,
  other: string,
  { vocabularySize, hiddenSize }: DecoderSizes,
): Promise<boolean> {
  const elements = vocabularySize * hiddenSize;
  try {
    const weights = [one, other].map(name => checkpoint.weight(name, [vocabularySize, hiddenSize]));
    for (const begin of [0, Math.floor(elements / 2), Math.max(0, elements - SAMPLE)]) {
      const [a, b] = await Promise.all(
        weights.map(weight => weight.load(begin, Math.min(begin + SAMPLE, elements))),
      );
      if (a!.some((value, i) => value !== b![i])) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/** Parts the names of unread tensors into those of a text part and those of what it is a part of. */
function splitParts(
  names: readonly string[],
  storedName: ((name: string) => string) | undefined,
): { readonly ours: readonly string[]; readonly others: readonly string[] } {
  if (storedName === undefined) return { ours: names, others: [] };
  const starts = ['layers.', 'embed_tokens.', 'norm.'].map(start => storedName(`model.${start}`));
  const isOurs = (name: string): boolean =>
    [...starts, storedName('lm_head.')].some(start => name.startsWith(start));
  return { ours: names.filter(isOurs), others: names.filter(name => !isOurs(name)) };
}

/** Composes the graphs, whose weights can be read as long as `use` takes. */
async function withGraphs(
  folder: string,
  { architecture, config, isPart, sizes, written: { contextLength }, format, cache, mixes }: Design,
  use: (graph: ModelGraph, mixed: ModelGraph | undefined) => Promise<void>,
): Promise<Leftovers> {
  const checkpoint = await Checkpoint.open(folder);
  const stored = new ModelWeights(checkpoint);
  const storedName = isPart ? textNames(stored) : undefined;
  const weights = storedName === undefined ? stored : stored.renamed(storedName);
  const compose = (form: DecoderForm): ModelGraph => {
    const graph = new ModelGraph(format);
    writeGenerator(architecture, { graph, config, weights, sizes: { ...sizes, contextLength } }, form);
    return graph;
  };
  try {
    await use(compose(cache), mixes ? compose('mixed') : undefined);
    const unused = checkpoint.unused.filter(name => !isOfUnreadKeys(sizes, name));
    const { ours, others } = splitParts(unused, storedName);
    const leftovers = {
      ...sortLeftovers(ours, fieldWarnings(config), predictsFurtherTokens(config)),
      ...(others.length > 0 && { others }),
    };
    return await withUntiedHead(checkpoint, architecture, sizes, leftovers);
  } finally {
    await checkpoint.close();
  }
}
