import { existsSync } from 'node:fs';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { readJson } from '#files.js';
import { ModelConfig } from './config.js';
import type { EncoderTask } from './encoder-task.js';
import { readSentenceLayer, type SentenceLayer } from './sentence-layers.js';
import { readPooling, type Pooling } from './sentence-pooling.js';
import { readTextSettings } from './sentence-texts.js';

/** What a folder of sentence-transformers makes of an encoder's hidden states, as `modules.json` says it. */
export interface SentenceModules extends Pooling {
  /** Cross-encoders are `sequence-classification`, and have nothing behind their head. */
  readonly task: Extract<EncoderTask, 'embedding' | 'sequence-classification'>;
  /** Folder of the encoder itself, relative to the model's: mostly empty. */
  readonly encoderFolder: string;
  /** What is done to the pooled vector, in this order. */
  readonly layers: readonly SentenceLayer[];
  /** Longest text, where it may be less than the encoder's own. */
  readonly contextLength: number | undefined;
}

/** The modules that sentence-transformers gives a plain encoder. */
export const PLAIN_MODULES: SentenceModules = {
  task: 'embedding',
  encoderFolder: '',
  pooling: ['mean'],
  poolsPrompt: true,
  layers: [],
  contextLength: undefined,
};

const MODULES = 'modules.json';

/** True if the folder is one of sentence-transformers. */
export function hasSentenceModules(folder: string): boolean {
  return existsSync(path.join(folder, MODULES));
}

/** True if a vector is scaled to a length of 1 at last. */
export function isNormalized({ layers }: Pick<SentenceModules, 'layers'>): boolean {
  return layers.at(-1)?.kind === 'normalize';
}

/**
 * Reads `modules.json` and what it names, as sentence-transformers of all versions up to 6 write it.
 *
 * @throws KvasirError `invalid_model` where a file is broken; `unsupported_model`, naming the module, where
 * one is of a kind that is not known, or stands where it may not
 */
export async function readSentenceModules(folder: string): Promise<SentenceModules> {
  const file = path.join(folder, MODULES);
  const [encoder, ...behind] = (await readModules(file)).filter(({ type }) => type !== 'Dropout');
  if (encoder?.type !== 'Transformer')
    return unsupported(file, `${encoder === undefined ? 'no modules' : first(encoder)}; ${SERVED}`);
  const { task, contextLength } = await readTextSettings(path.join(folder, encoder.path));
  const common = { encoderFolder: encoder.path, contextLength };
  const [pooling, ...rest] = behind;
  if (task === 'sequence-classification') {
    if (pooling !== undefined) return unsupported(file, `a ${pooling.type} behind a classifier; ${SERVED}`);
    return { ...PLAIN_MODULES, ...common, task };
  }
  if (pooling?.type !== 'Pooling') {
    const found = pooling === undefined ? 'no Pooling' : `a module of type ${pooling.type}`;
    return unsupported(file, `${found} behind the Transformer; ${SERVED}`);
  }
  const layers: SentenceLayer[] = [];
  for (const { type, path: place } of rest)
    layers.push(
      (await readSentenceLayer(folder, type, place)) ??
        unsupported(file, `a module of type ${type} behind the Pooling; ${SERVED}`),
    );
  return {
    ...common,
    task,
    ...readPooling(await ModelConfig.read(path.join(folder, pooling.path))),
    layers,
  };
}

const SERVED =
  'what is served are a Transformer and a Pooling, with Dense, LayerNorm and Normalize behind them, and a Transformer alone that classifies pairs of texts';

function first({ type }: Module): string {
  return `the first module is of type ${type}`;
}

interface Module {
  /** Last part of the Python class's name. */
  readonly type: string;
  readonly path: string;
}

async function readModules(file: string): Promise<Module[]> {
  const list = await readJson(file);
  if (!Array.isArray(list)) throw new KvasirError('invalid_model', `${file} is not a list`);
  return list.map((entry: unknown) => {
    const { type, path: place } = (entry ?? {}) as Record<string, unknown>;
    if (typeof type !== 'string' || typeof place !== 'string' || place.split(/[\\/]/).includes('..'))
      throw new KvasirError(
        'invalid_model',
        `${file}: a module without type or path: ${JSON.stringify(entry)}`,
      );
    return { type: type.split('.').at(-1)!, path: place };
  });
}

function unsupported(file: string, fault: string): never {
  throw new KvasirError('unsupported_model', `${file}: ${fault}`);
}
