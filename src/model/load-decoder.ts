import { KvasirError } from '../errors.js';
import { buildDecoder } from '../graph/build.js';
import { Session, type Environment, type SessionSettings } from '../runtime/index.js';
import { SlotDecoder, type Decoder } from './decoder.js';

export interface DecoderOptions {
  /** Sequences that run at once; at least 1. */
  readonly slots: number;
  /** Longest sequence to serve, in tokens; at most, and by default, the model's own. */
  readonly contextLength?: number | undefined;
  readonly session?: SessionSettings;
}

/**
 * Builds and loads the decoder of a model folder in the Hugging Face layout.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`, `runtime_unavailable`
 */
export async function loadDecoder(
  environment: Environment,
  folder: string,
  { slots, contextLength, session: settings }: DecoderOptions,
): Promise<Decoder> {
  const { graphPath, sizes, cacheHeadSize } = await buildDecoder(folder);
  if (contextLength !== undefined && contextLength > sizes.contextLength) {
    throw new KvasirError(
      'invalid_configuration',
      `${folder}: a context of ${contextLength} tokens was asked for, but the model's is ${sizes.contextLength}`,
    );
  }
  const session = await Session.load(environment, graphPath, settings);
  const { layers, kvHeads, vocabularySize } = sizes;
  const shape = {
    layers,
    kvHeads,
    headSize: cacheHeadSize,
    vocabularySize,
    contextLength: contextLength ?? sizes.contextLength,
  };
  try {
    return new SlotDecoder(session, shape, slots);
  } catch (error) {
    session.dispose();
    throw error;
  }
}
