import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import { KvasirError } from '#errors.js';
import { batched } from '#batching/batched.js';
import { BatchingEncoder, type BatchingOptions } from '#batching/batching-encoder.js';
import { loadEncoderGraph, type EncoderOptions } from '#model/encoder/load-encoder.js';
import type { Environment, SessionSettings } from '#runtime/index.js';
import { expansionId } from '#text/expansion.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { loadPairTemplate } from './pair-template.js';
import { textService } from './text-service.js';
import { encoderModel } from './models.js';
import type { EncoderModel } from './types.js';

/**
 * Batches that run at once: a second one uses the cores while the first waits for its slowest thread, or for
 * JavaScript.
 */
const LANES = 2;

/** `session.intraOpThreads` is how many threads the model has in all; default: one per core. */
export interface EncoderModelOptions extends EncoderOptions {
  /** The name that requests use; by default the folder's. */
  readonly id?: string | undefined;
  readonly batching?: Partial<BatchingOptions>;
  /** See {@link EncoderModel}. */
  readonly autoTruncate?: boolean | undefined;
}

/** A lone run has all threads; those that run at once share the session's pool. */
export function sessionOptions({ session }: EncoderModelOptions): SessionSettings {
  return { ...session, intraOpThreads: threadsOf(session) };
}

export function batchingOptions({ session, batching }: EncoderModelOptions): Partial<BatchingOptions> {
  return { concurrency: Math.min(LANES, threadsOf(session)), ...batching };
}

function threadsOf(session: SessionSettings | undefined): number {
  return session?.intraOpThreads || availableParallelism();
}

/**
 * Loads a model folder in the Hugging Face or sentence-transformers layout as an encoder.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`,
 * `runtime_unavailable`
 */
export async function loadEncoder(
  environment: Environment,
  folder: string,
  options: EncoderModelOptions = {},
): Promise<EncoderModel> {
  const session = sessionOptions(options);
  const { encoder, description, tokenizerFolder, path } = await loadEncoderGraph(environment, folder, {
    ...options,
    session,
  });
  try {
    const tokenizer = await loadTokenizer(tokenizerFolder);
    const service = new BatchingEncoder(batched({ texts: encoder }), batchingOptions(options));
    const { task, width, tokenWidth, contextLength } = encoder;
    const { labels, activation, sentences } = description;
    const expansion = sentences.multiVector?.expansion;
    if (expansion !== undefined && expansionId(expansion, tokenizer) === undefined)
      throw new KvasirError(
        'unsupported_model',
        `${tokenizerFolder}: query_expansion adds ${expansion.token ?? 'the mask'}, which the tokenizer does not have`,
      );
    for (const marker of Object.values(sentences.multiVector?.markers ?? {}))
      if (marker !== '' && tokenizer.id(marker) === undefined)
        throw new KvasirError(
          'unsupported_model',
          `${tokenizerFolder}: '${marker}' stands in front of texts, which is no token of the tokenizer`,
        );
    const { message } = sentences;
    const pairs = message && (await loadPairTemplate(tokenizerFolder, tokenizer, message));
    const { autoTruncate = false } = options;
    return encoderModel({
      id: options.id ?? basename(resolve(folder)),
      tokenizer,
      texts: textService(tokenizer, tokenizerFolder),
      contextLength,
      device: 'cpu',
      path,
      task,
      encoder: service,
      width,
      tokenWidth,
      labels,
      activation,
      sentences,
      pairs,
      autoTruncate,
    });
  } catch (error) {
    encoder.dispose();
    throw error;
  }
}
