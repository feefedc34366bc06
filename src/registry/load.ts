import { resolve } from 'node:path';
import { readModelFolder } from '#model/folder.js';
import { folderWarnings } from '#model/folder-warnings.js';
import type { Environment, SessionSettings } from '#runtime/index.js';
import { loadEncoder, type EncoderModelOptions } from './load-encoder.js';
import { loadGeneration } from './load-generation.js';
import { loadSeq2SeqModel } from './load-seq2seq.js';
import { loadTowersModel, loadVisionModel } from './load-vision.js';
import { loadRaw, type RawModelOptions } from './load-raw.js';
import { loadSpeech, type SpeechOptions } from './load-speech.js';
import type { Model } from './types.js';

/** Settings of all kinds of models; each takes those that concern it. */
export type ModelOptions = SpeechOptions &
  Pick<EncoderModelOptions, 'batching' | 'autoTruncate'> & {
    /** Of a graph that is called with tensors. */
    readonly raw?: RawModelOptions['limits'];
  };

/**
 * Loads whatever model a folder holds.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`,
 * `runtime_unavailable`
 */
export async function loadModel(
  environment: Environment,
  folder: string,
  options: ModelOptions,
): Promise<Model> {
  const path = resolve(folder);
  const read = await readModelFolder(path, options);
  for (const warning of await folderWarnings(path, read)) options.onWarning?.(warning);
  switch (read.kind) {
    case 'raw': {
      const { id, engine, raw } = options;
      const session = onProcessor(options);
      return loadRaw(environment, path, read.graph, {
        id,
        session,
        limits: { ...(engine?.maxWaiting !== undefined && { maxWaiting: engine.maxWaiting }), ...raw },
      });
    }
    case 'encoder':
      return loadEncoder(environment, path, encoderOptions(options));
    case 'vision':
      return loadVisionModel(environment, path, encoderOptions(options));
    case 'towers':
      return loadTowersModel(environment, path, encoderOptions(options));
    case 'decoder':
      return loadGeneration(environment, path, options);
    case 'seq2seq':
      return read.sizes.sound === undefined
        ? loadSeq2SeqModel(environment, path, options)
        : loadSpeech(environment, path, options);
  }
}

/** The context length is that of generators: encoders take what they were made for. */
function encoderOptions(options: ModelOptions): EncoderModelOptions {
  const { id, format, precision, onProgress, batching, autoTruncate } = options;
  const session = onProcessor(options);
  return { id, format, precision, session, onProgress, autoTruncate, ...(batching && { batching }) };
}

/** The device is that of generators: all else runs on the processor. */
function onProcessor({ session }: ModelOptions): SessionSettings | undefined {
  return session && { ...session, device: undefined };
}
