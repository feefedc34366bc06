import path from 'node:path';
import { KvasirError } from '../errors.js';
import { buildEncoder, type EncoderFormat } from '../graph/build-encoder.js';
import { Session, type Environment, type SessionSettings } from '../runtime/index.js';
import { describeEncoder, type EncoderDescription } from './encoder-description.js';
import { PackedEncoder } from './encoder-packed.js';
import type { Encoder } from './encoder.js';

export interface EncoderOptions {
  /** How matrices are stored; default `f32`. */
  readonly format?: EncoderFormat | undefined;
  /** Longest input to serve, in tokens; at most, and by default, the model's own. */
  readonly contextLength?: number | undefined;
  readonly session?: SessionSettings;
}

export interface LoadedEncoder {
  readonly encoder: Encoder;
  readonly description: EncoderDescription;
  /** Folder of the tokenizer. */
  readonly encoderFolder: string;
}

/**
 * Builds and loads the encoder of a model folder in the Hugging Face or sentence-transformers layout.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`, `runtime_unavailable`
 */
export async function loadEncoderGraph(
  environment: Environment,
  folder: string,
  options: EncoderOptions = {},
): Promise<LoadedEncoder> {
  const description = await describeEncoder(folder);
  const { task, modules, labels } = description;
  const format = options.format ?? 'f32';
  const built = await buildEncoder(folder, { task, modules, labels: labels.length, format });
  const own = Math.min(built.sizes.contextLength, modules.contextLength ?? Infinity);
  const { contextLength = own } = options;
  if (contextLength > own)
    throw new KvasirError(
      'invalid_configuration',
      `${folder}: a context of ${contextLength} tokens was asked for, but the model's is ${own}`,
    );
  const session = await Session.load(environment, built.graphPath, options.session);
  const { sizes, width, listed } = built;
  return {
    encoder: new PackedEncoder(session, { task, sizes, contextLength, width, listed }),
    description,
    encoderFolder: path.join(folder, modules.encoderFolder),
  };
}
