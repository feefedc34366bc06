import path from 'node:path';
import { KvasirError } from '#errors.js';
import { buildEncoder } from '#graph/build-encoder.js';
import type { BuildOptions } from '#graph/build.js';
import type { EncoderPrecision } from '#graph/encoder-graph.js';
import { isNormalized } from '#graph/sentence-modules.js';
import type { Environment, SessionSettings } from '#runtime/index.js';
import type { PlanOptions } from '../decoder/decoder-plan.js';
import { describeEncoder, type EncoderDescription } from '../encoder-description.js';
import { encoderBuild, encoderLength } from '../folder.js';
import { openSession } from '../open-session.js';
import { requireFiniteOutput } from '../trial.js';
import { PackedEncoder } from './packed/packed-encoder.js';
import { PaddedEncoder } from './padded/padded-encoder.js';
import { checkReadyMade, paddedSizes, resultWidth } from './padded/ports.js';
import { planEncoder } from './encoder-plan.js';
import type { Encoder } from './contract.js';
import type { OnnxFile } from '../onnx-file.js';
import type { RunPath } from '../run-path.js';

export interface EncoderOptions extends PlanOptions {
  /** Longest input to serve, in tokens; at most, and by default, the model's own. */
  readonly contextLength?: number | undefined;
  /**
   * Idle threads sleep by default: where anything else wants the processor, spinning ones cost more than they
   * save.
   */
  readonly session?: SessionSettings | undefined;
  /** As for decoders. */
  readonly onProgress?: BuildOptions['onProgress'];
  readonly onDamaged?: BuildOptions['onDamaged'];
}

export interface LoadedEncoder {
  readonly encoder: Encoder;
  readonly description: EncoderDescription;
  readonly tokenizerFolder: string;
  readonly path: RunPath;
}

/**
 * Loads the encoder of a model folder in the Hugging Face or sentence-transformers layout: built from its
 * weights, or, where there are none that can be built, the ONNX graph that it has.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`,
 * `runtime_unavailable`
 */
export async function loadEncoderGraph(
  environment: Environment,
  folder: string,
  options: EncoderOptions = {},
): Promise<LoadedEncoder> {
  const description = await describeEncoder(folder);
  const plan = await planEncoder(folder, description, options);
  const encoder =
    plan.source === 'weights'
      ? await loadPacked(environment, folder, plan.precision, description, options)
      : await loadPadded(environment, folder, plan.graph, description, options);
  try {
    await requireFiniteOutput(folder, encoder);
  } catch (error) {
    encoder.dispose();
    throw error;
  }
  const tokenizerFolder = path.join(folder, description.modules.encoderFolder);
  const read = plan.source === 'onnx' ? withoutExtras(description) : description;
  return { encoder, description: read, tokenizerFolder, path: plan.path };
}

/** A ready-made graph has none of the layers beside it, and is told of no task. */
function withoutExtras({ sentences, ...description }: EncoderDescription): EncoderDescription {
  return { ...description, sentences: { ...sentences, hasTokenHeads: false, tasks: [] } };
}

async function loadPacked(
  environment: Environment,
  folder: string,
  precision: EncoderPrecision,
  description: EncoderDescription,
  { contextLength: wanted, session: settings, onProgress, onDamaged }: EncoderOptions,
): Promise<Encoder> {
  const { task, modules } = description;
  const plan = { ...encoderBuild(description, precision, wanted), onProgress, onDamaged };
  const { graphPath, sizes, width, tokenWidth, listed } = await buildEncoder(folder, plan);
  const contextLength = limit(
    folder,
    wanted,
    Math.min(sizes.contextLength, modules.contextLength ?? Infinity),
  );
  const session = await openSession(environment, graphPath, { spinning: false, ...settings });
  return new PackedEncoder(session, { task, sizes, contextLength, width, tokenWidth, listed });
}

async function loadPadded(
  environment: Environment,
  folder: string,
  graph: OnnxFile,
  description: EncoderDescription,
  { contextLength: wanted, session: settings }: EncoderOptions,
): Promise<Encoder> {
  const { task, config, modules } = description;
  checkReadyMade(graph, description);
  const shape = {
    task,
    contextLength: limit(folder, wanted, encoderLength(description)),
    ...paddedSizes(config),
    pooling: modules.pooling,
    normalize: isNormalized(modules),
    resultWidth: resultWidth(description),
  };
  const session = await openSession(environment, graph.path, { spinning: false, ...settings });
  try {
    return new PaddedEncoder(session, shape);
  } catch (error) {
    session.dispose();
    if (!(error instanceof KvasirError)) throw error;
    throw new KvasirError(error.code, `${graph.path}: ${error.message}`, { cause: error });
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
