import path from 'node:path';
import { KvasirError } from '#errors.js';
import type { Seq2SeqArchitecture, Seq2SeqSizes } from './assembly/seq2seq/architecture.js';
import { writeSeq2SeqDecoder } from './assembly/seq2seq/decoder.js';
import { isSharedTable, writeSeq2SeqEncoder } from './assembly/seq2seq/encoder.js';
import { refuseOtherHeads } from './assembly/seq2seq/weights.js';
import { paddedHeadSize } from './blocks/attention-projections.js';
import { CACHE_TYPES, type BuildOptions, type CacheType } from './build.js';
import { buildOnce } from './build-cache.js';
import { ModelConfig } from './config.js';
import { fieldWarnings } from './config-fields/field-warnings.js';
import { refuseUnwritten } from './config-fields/unwritten.js';
import { seq2seqArchitecture } from './families/index.js';
import { ModelGraph, type NumberFormat } from './model-graph.js';
import { defaultPrecision, NUMBER_FORMATS, type Precision } from './precision.js';
import { refuseQuantized } from './quantized-checkpoint.js';
import { weightBits } from './quantization/per-channel.js';
import { Checkpoint, weightFiles } from './weights/checkpoint.js';
import { sortLeftovers, type Leftovers } from './weights/leftovers.js';
import { ModelWeights } from './weights/model-weights.js';

/** The precisions of encoder-decoders: attention that sees both ways has no 16-bit floats here. */
export const SEQ2SEQ_PRECISIONS = [
  'f32',
  'int8',
  'w8a8',
  'int4',
  'stored',
] as const satisfies readonly Precision[];

/** Graphs on disk, ready to load. */
export interface BuiltSeq2Seq {
  /** See `writeSeq2SeqEncoder`. */
  readonly encoderPath: string;
  /** See `writeSeq2SeqDecoder`. */
  readonly decoderPath: string;
  readonly sizes: Seq2SeqSizes;
  /** Features of a head in both caches, padding included. */
  readonly cacheHeadSize: number;
  readonly cacheType: CacheType;
}

/**
 * The ONNX graphs of an encoder-decoder in the Hugging Face layout (`config.json`, `model.safetensors` or its
 * shards). Built on the first call for a precision, and again when one of these files changes.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `storage_full`; `invalid_configuration` for another
 * precision, 16-bit floats or a paged cache
 */
export async function buildSeq2Seq(folder: string, options: BuildOptions = {}): Promise<BuiltSeq2Seq> {
  const design = await designSeq2Seq(folder, options);
  const { sizes, formats, variant } = design;
  const files = ['config.json', ...(await weightFiles(folder))];
  const { onProgress, onDamaged } = options;
  const build = await buildOnce({ folder, files, variant, onDamaged }, target =>
    withGraphs(folder, design, async (encoder, decoder) => {
      const shared = { saved: decoder, isShared: isSharedTable };
      const [first, second] = [decoder.weightsToWrite(), encoder.weightsToWrite(shared)];
      const all = { tensors: first.tensors + second.tensors, bytes: first.bytes + second.bytes };
      const none = { tensors: 0, bytes: 0 };
      await decoder.save(path.join(target, 'decoder.onnx'), asPart(onProgress, none, all));
      await encoder.save(path.join(target, 'encoder.onnx'), asPart(onProgress, first, all), shared);
    }),
  );
  return {
    encoderPath: path.join(build, 'encoder.onnx'),
    decoderPath: path.join(build, 'decoder.onnx'),
    sizes,
    cacheHeadSize: paddedHeadSize(sizes.headSize),
    cacheType: CACHE_TYPES[formats.decoder.floats],
  };
}

/**
 * Checks an encoder-decoder's folder as far as a build would without reading the weights' elements, as
 * `checkDecoder` does.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`
 */
export async function checkSeq2Seq(folder: string, options: BuildOptions = {}): Promise<Leftovers> {
  return withGraphs(folder, await designSeq2Seq(folder, options), async () => undefined);
}

/** All that the graphs depend on but the weights. */
interface Design {
  readonly architecture: Seq2SeqArchitecture;
  readonly config: ModelConfig;
  readonly sizes: Seq2SeqSizes;
  readonly formats: Readonly<Record<'encoder' | 'decoder', NumberFormat>>;
  readonly variant: string;
}

async function designSeq2Seq(
  folder: string,
  { precision: wanted, contextLength, halfFloats = false, cache = 'slots' }: BuildOptions,
): Promise<Design> {
  const config = await ModelConfig.read(folder);
  const architecture = seq2seqArchitecture(config);
  refuseOtherHeads(config);
  refuseQuantized(config);
  const precision = wanted ?? defaultPrecision(config);
  refuseUnwritten(config);
  if (halfFloats || cache !== 'slots' || !SEQ2SEQ_PRECISIONS.some(known => known === precision))
    throw new KvasirError(
      'invalid_configuration',
      `${folder}: an encoder-decoder runs on the processor in one of the precisions ${SEQ2SEQ_PRECISIONS.join(', ')}, its cache in slots`,
    );
  const sizes = architecture.sizes(config, contextLength);
  const decoder = NUMBER_FORMATS[precision];
  // An encoder reads many tokens at once, as those do that stand alone: see `encoderFormat`. One that hears reads
  // so many that its time is that of its products, which blocks of weights double.
  const isWide = precision === 'int8' || (precision === 'int4' && sizes.sound !== undefined);
  const encoder = isWide ? NUMBER_FORMATS.w8a8 : decoder;
  const bits = encoder.w8a8 ? `-w${weightBits()}` : '';
  return {
    architecture,
    config,
    sizes,
    formats: { encoder, decoder },
    variant: `seq2seq-${precision}${bits}`,
  };
}

/** Composes the graphs, whose weights can be read as long as `use` takes. */
async function withGraphs(
  folder: string,
  { architecture, config, sizes, formats }: Design,
  use: (encoder: ModelGraph, decoder: ModelGraph) => Promise<void>,
): Promise<Leftovers> {
  const checkpoint = await Checkpoint.open(folder);
  const weights = new ModelWeights(checkpoint);
  const [encoder, decoder] = [new ModelGraph(formats.encoder), new ModelGraph(formats.decoder)];
  try {
    writeSeq2SeqEncoder(architecture, { graph: encoder, config, weights, sizes });
    writeSeq2SeqDecoder(architecture, { graph: decoder, config, weights, sizes });
    await use(encoder, decoder);
    return sortLeftovers(checkpoint.unused, fieldWarnings(config));
  } finally {
    await checkpoint.close();
  }
}

/** Tells of a save as of a part of several. */
function asPart(
  onProgress: BuildOptions['onProgress'],
  before: { readonly tensors: number; readonly bytes: number },
  all: { readonly tensors: number; readonly bytes: number },
): BuildOptions['onProgress'] {
  return (
    onProgress &&
    (({ tensors, bytes }) =>
      onProgress({
        tensors: before.tensors + tensors,
        bytes: before.bytes + bytes,
        allTensors: all.tensors,
        allBytes: all.bytes,
      }))
  );
}
