import path from 'node:path';
import type { Seq2SeqSizes } from '#graph/assembly/seq2seq/architecture.js';
import { isWaveform } from '#graph/assembly/seq2seq/sound-shape.js';
import type { ModelConfig } from '#graph/config.js';
import { findSeq2Seq } from '#graph/families/index.js';
import type { Precision } from '#graph/precision.js';
import { chooseSeq2SeqGraphs } from '../../graph-files.js';
import { readOnnxFile, type OnnxFile } from '../../onnx-file.js';
import { storedPrecision, type RunPath } from '../../run-path.js';
import { contextOf } from '../context-of.js';
import { namesIn, noGraphs, type ReadyMadeGraph } from './find-graphs.js';
import {
  decoderPorts,
  sourceEncoderPorts,
  SOURCED_NAMES,
  unfit,
  type CachePort,
  type SourceCachePort,
  type SourceEncoderPorts,
} from './ports.js';

/** An encoder-decoder that one of Hugging Face's exporters wrote, read but not loaded. */
export interface ReadyMadeSeq2Seq {
  readonly encoder: { readonly file: OnnxFile; readonly ports: SourceEncoderPorts };
  /** The decoder: one graph of two branches, or the one that begins texts and the one that continues them. */
  readonly first: ReadyMadeGraph;
  readonly next: ReadyMadeGraph;
  /** All graphs, the encoder's first. */
  readonly files: readonly OnnxFile[];
  readonly sizes: Seq2SeqSizes;
}

/**
 * Finds an encoder-decoder among a folder's ONNX graphs, and reads what they take and give.
 *
 * @param asked the context that is to be served.
 * @throws KvasirError `invalid_model` where files are missing or broken, `unsupported_model` where there is none
 * that can be served, or none of that precision; `invalid_configuration` where nothing says how long a text may be
 */
export async function findReadyMadeSeq2Seq(
  folder: string,
  config: ModelConfig,
  precision?: Precision,
  asked?: number,
): Promise<ReadyMadeSeq2Seq> {
  const names = await namesIn(folder);
  const chosen = chooseSeq2SeqGraphs(names, precision);
  if (chosen.length === 0) return noGraphs(folder, 'encoder-decoder', names, precision);
  const files = await Promise.all(chosen.map(name => readOnnxFile(path.join(folder, name))));
  const [encoderFile, ...decoders] = files as [OnnxFile, ...OnnxFile[]];
  const encoder = { file: encoderFile, ports: sourceEncoderPorts(encoderFile) };
  const [first, next = first] = decoders.map(file => ({
    file,
    ports: decoderPorts(file, SOURCED_NAMES),
  })) as [ReadyMadeGraph, ReadyMadeGraph?];
  requireFit(encoder, first, next);
  return { encoder, first, next, files, sizes: sizesOf(folder, config, { encoder, next }, asked) };
}

/** Which path it takes, as far as reading its graphs tells. */
export function describeSeq2SeqPath({ files, next }: ReadyMadeSeq2Seq): RunPath {
  const names = files.map(({ path: file }) => path.basename(file)).join(', ');
  return {
    kind: 'growing',
    precision: storedPrecision(next.file),
    reason: `${names}, exported for Hugging Face: the decoder's cache is copied at every step`,
  };
}

/** @throws KvasirError `unsupported_model` where one graph gives what another does not take */
function requireFit(encoder: ReadyMadeSeq2Seq['encoder'], first: ReadyMadeGraph, next: ReadyMadeGraph): void {
  const given = encoder.ports.states;
  const taken = first.ports.source?.states;
  if (taken === undefined) return unfit(first.file, `has no input '${SOURCED_NAMES.source!.states}'`);
  for (const { file, ports } of [first, next]) {
    const states = ports.source?.states;
    if (states !== undefined && (states.size !== given.size || states.type !== given.type))
      return unfit(
        file,
        `takes states of ${states.size} features (${states.type}), but ${path.basename(encoder.file.path)} gives ${given.size} (${given.type})`,
      );
  }
  const lacking = first.ports.source!.caches.findIndex(({ present }) => present === undefined);
  if (lacking >= 0) return unfit(first.file, 'does not give out keys and values of the source');
  const pasts = [...next.ports.caches, ...next.ports.source!.caches];
  if (pasts.some(({ past }) => past === undefined))
    return unfit(next.file, 'takes no past: export it for generation with a past');
  const own = [...first.ports.caches, ...first.ports.source!.caches];
  if (first.ports.cacheType !== next.ports.cacheType || !haveSameShapes(own, pasts))
    return unfit(next.file, `takes other keys and values than ${path.basename(first.file.path)} gives`);
}

function haveSameShapes(
  some: readonly (CachePort | SourceCachePort)[],
  others: readonly (CachePort | SourceCachePort)[],
): boolean {
  return (
    some.length === others.length &&
    some.every((port, i) => port.heads === others[i]!.heads && port.headSize === others[i]!.headSize)
  );
}

/** How families that are only run ready-made call their sizes. */
const CONTEXT_FIELDS = ['max_position_embeddings', 'n_positions', 'max_decoder_position_embeddings'];
const LAYER_FIELDS = ['encoder_layers', 'num_encoder_layers', 'num_layers', 'num_hidden_layers'];

function sizesOf(
  folder: string,
  config: ModelConfig,
  { encoder, next }: Pick<ReadyMadeSeq2Seq, 'encoder' | 'next'>,
  asked: number | undefined,
): Seq2SeqSizes {
  const known = findSeq2Seq(config)?.sizes(config, asked);
  const hears = !('ids' in encoder.ports.reads);
  const sound = known?.sound;
  // No graph is known that reads samples.
  if (hears !== (sound !== undefined) || (sound !== undefined && isWaveform(sound)))
    return unfit(
      encoder.file,
      `reads ${hears ? 'sound' : 'tokens'}, which a '${config.modelType}' is not known to do`,
    );
  const sizeOf = (names: readonly string[]): number | undefined => {
    const found = names.find(name => config.has(name));
    return found === undefined ? undefined : config.size(found);
  };
  const { caches, layers, vocabularySize = config.size('vocab_size') } = next.ports;
  const { heads, headSize } = caches[0]!;
  const contextLength = known?.contextLength ?? contextOf(folder, sizeOf(CONTEXT_FIELDS), asked);
  return {
    encoderLayers: known?.encoderLayers ?? sizeOf(LAYER_FIELDS) ?? layers,
    decoderLayers: layers,
    hiddenSize: encoder.ports.states.size,
    heads,
    headSize,
    vocabularySize,
    sourceVocabularySize: known?.sourceVocabularySize ?? config.size('vocab_size', vocabularySize),
    sourceLength: known?.sourceLength ?? contextLength,
    contextLength,
    ...(known?.sound !== undefined && { sound: known.sound }),
  };
}
