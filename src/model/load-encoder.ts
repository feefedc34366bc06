import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '../errors.js';
import { findArchitecture } from '../graph/architectures/encoders.js';
import { buildEncoder } from '../graph/build-encoder.js';
import { ENCODER_PRECISIONS } from '../graph/encoder-graph.js';
import type { Precision } from '../graph/precision.js';
import { Session, type Environment, type SessionSettings } from '../runtime/index.js';
import { describeEncoder, type EncoderDescription } from './encoder-description.js';
import { PackedEncoder } from './encoder-packed.js';
import { PaddedEncoder } from './encoder-padded.js';
import type { Encoder } from './encoder.js';
import { chooseGraphs } from './graph-files.js';

export interface EncoderOptions {
  /** Default `f32`; `f16` is only for ready-made graphs. Of those, it chooses the one that is stored so; default: the most exact. */
  readonly precision?: Precision | undefined;
  /** Longest input to serve, in tokens; at most, and by default, the model's own. */
  readonly contextLength?: number | undefined;
  /** Idle threads sleep by default: where anything else wants the processor, spinning ones cost more than they save. */
  readonly session?: SessionSettings;
}

export interface LoadedEncoder {
  readonly encoder: Encoder;
  readonly description: EncoderDescription;
  readonly tokenizerFolder: string;
}

/**
 * Loads the encoder of a model folder in the Hugging Face or sentence-transformers layout: built from its weights, or, where there are
 * none that can be built, the ONNX graph that it has.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`, `runtime_unavailable`
 */
export async function loadEncoderGraph(
  environment: Environment,
  folder: string,
  options: EncoderOptions = {},
): Promise<LoadedEncoder> {
  const description = await describeEncoder(folder);
  const tokenizerFolder = path.join(folder, description.modules.encoderFolder);
  const graph = await readyMadeGraph(tokenizerFolder, description, options.precision);
  const encoder =
    graph === undefined
      ? await loadPacked(environment, folder, description, options)
      : await loadPadded(environment, folder, graph, description, options);
  return { encoder, description, tokenizerFolder };
}

/** The graph to run as it is; undefined where one is built. */
async function readyMadeGraph(
  folder: string,
  { config }: EncoderDescription,
  precision: Precision | undefined,
): Promise<string | undefined> {
  const names = (await readdir(folder, { recursive: true })).map(name => name.replaceAll(path.sep, '/'));
  const weights = names.some(name => /^model\.safetensors(\.index\.json)?$/.test(name));
  if (weights && findArchitecture(config) !== undefined) return undefined;
  const [graph] = chooseGraphs(names, precision);
  return graph === undefined ? undefined : path.join(folder, graph);
}

async function loadPacked(
  environment: Environment,
  folder: string,
  { task, modules, labels }: EncoderDescription,
  { precision: asked = 'f32', contextLength: wanted, session: settings }: EncoderOptions,
): Promise<Encoder> {
  const precision = ENCODER_PRECISIONS.find(known => known === asked);
  if (precision === undefined)
    throw new KvasirError(
      'invalid_configuration',
      `${folder}: an encoder cannot be built in ${asked}, only in ${ENCODER_PRECISIONS.join(', ')}`,
    );
  const plan = { task, modules, labels: labels.length, precision };
  const { graphPath, sizes, width, listed } = await buildEncoder(folder, plan);
  const contextLength = limit(
    folder,
    wanted,
    Math.min(sizes.contextLength, modules.contextLength ?? Infinity),
  );
  const session = await Session.load(environment, graphPath, { spinning: false, ...settings });
  return new PackedEncoder(session, { task, sizes, contextLength, width, listed });
}

async function loadPadded(
  environment: Environment,
  folder: string,
  graph: string,
  { task, config, modules }: EncoderDescription,
  { contextLength: wanted, session: settings }: EncoderOptions,
): Promise<Encoder> {
  if (modules.dense.length > 0)
    throw new KvasirError('unsupported_model', `${graph}: Dense modules behind a ready-made graph`);
  const own =
    findArchitecture(config)?.sizes(config).contextLength ?? config.size('max_position_embeddings', 512);
  const shape = {
    task,
    contextLength: limit(folder, wanted, Math.min(own, modules.contextLength ?? Infinity)),
    vocabularySize: config.size('vocab_size'),
    segments: config.size('type_vocab_size', 1),
    paddingId: config.count('pad_token_id', 0),
    pooling: modules.pooling,
    normalize: modules.normalize,
  };
  const session = await Session.load(environment, graph, { spinning: false, ...settings });
  try {
    return new PaddedEncoder(session, shape);
  } catch (error) {
    session.dispose();
    throw error;
  }
}

function limit(folder: string, wanted: number | undefined, own: number): number {
  if (wanted !== undefined && wanted > own)
    throw new KvasirError(
      'invalid_configuration',
      `${folder}: a context of ${wanted} tokens was asked for, but the model's is ${own}`,
    );
  return wanted ?? own;
}
