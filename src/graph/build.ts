import path from 'node:path';
import { decoderArchitecture } from './families/index.js';
import type { DecoderSizes } from './assembly/decoder-source.js';
import { writeGenerator } from './assembly/generator.js';
import { writtenContext } from './assembly/rope.js';
import { paddedHeadSize } from './blocks/attention-projections.js';
import { buildOnce } from './build-cache.js';
import type { CacheKind } from './cache-kind.js';
import { ModelConfig } from './config.js';
import { ModelGraph } from './model-graph.js';
import { DataType, type SaveProgress } from './onnx/graph-builder.js';
import { NUMBER_FORMATS, withHalfFloats, type Precision } from './precision.js';
import { weightBits } from './quantization/per-channel.js';
import { Checkpoint, weightFiles } from './weights/checkpoint.js';
import { ModelWeights } from './weights/model-weights.js';

/** Element type of a cache of keys and values. */
export type CacheType = 'float32' | 'float16' | 'bfloat16';

const CACHE_TYPES = {
  [DataType.FLOAT]: 'float32',
  [DataType.FLOAT16]: 'float16',
  [DataType.BFLOAT16]: 'bfloat16',
} as const;

/** A graph on disk, ready to load. */
export interface BuiltDecoder {
  readonly graphPath: string;
  readonly sizes: DecoderSizes;
  /** Features of a head in the graph's cache, padding included. */
  readonly cacheHeadSize: number;
  readonly cacheType: CacheType;
}

export interface BuildOptions {
  /** Default `f32`. */
  readonly precision?: Precision | undefined;
  /** Longest sequence that will be run; by default the model's own. */
  readonly contextLength?: number | undefined;
  /**
   * Told while weights are written, and not at all where the graph is there already; what it throws stops the
   * build.
   */
  readonly onProgress?: ((progress: SaveProgress) => void) | undefined;
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
  const { precision = 'f32', contextLength = Infinity, halfFloats = false, cache = 'slots' } = options;
  const config = await ModelConfig.read(folder);
  const architecture = decoderArchitecture(config);
  const sizes = architecture.sizes(config);
  const { isShort, ...written } = writtenContext(config, sizes.contextLength, contextLength);
  const exact = NUMBER_FORMATS[precision];
  const format = halfFloats ? withHalfFloats(exact) : exact;
  const files = ['config.json', ...(await weightFiles(folder))];
  const half = format === exact ? '' : '-half';
  const bits = format.w8a8 ? `-w${weightBits()}` : '';
  const paged = cache === 'paged' ? '-paged' : '';
  const variant = `decoder-${precision}${bits}${half}${isShort ? '-short' : ''}${paged}`;
  const build = await buildOnce({ folder, files, variant }, async target => {
    const checkpoint = await Checkpoint.open(folder);
    try {
      const graph = new ModelGraph(format);
      const weights = new ModelWeights(checkpoint);
      writeGenerator(architecture, { graph, config, weights, sizes: { ...sizes, ...written } }, cache);
      await graph.save(path.join(target, 'decoder.onnx'), options.onProgress);
    } finally {
      await checkpoint.close();
    }
  });
  return {
    graphPath: path.join(build, 'decoder.onnx'),
    sizes,
    cacheHeadSize: paddedHeadSize(sizes.headSize),
    cacheType: CACHE_TYPES[format.floats],
  };
}
