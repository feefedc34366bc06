import { existsSync } from 'node:fs';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { readJson } from '#files.js';
import { ModelConfig } from './config.js';
import type { EncoderTask } from './encoder-task.js';
import { readSentenceLayer, type Feature, type SentenceLayer } from './sentence-layers.js';
import { readPylate } from './sentence-colbert.js';
import { readLogitScore, type LogitScore } from './sentence-logit-score.js';
import type { MessageSettings } from './sentence-messages.js';
import { readSplade, type Splade } from './sentence-splade.js';
import { readTokenHeads, type TokenHeads } from './sentence-token-heads.js';
import { readStaticConfig } from './sentence-static.js';
import { readMultiVector, type MultiVector } from './sentence-multi-vector.js';
import { readPooling, type Pooling } from './sentence-pooling.js';
import { readTextSettings } from './sentence-texts.js';

/** What a folder of sentence-transformers makes of an encoder's hidden states, as `modules.json` says it. */
export interface SentenceModules extends Pooling {
  /**
   * Cross-encoders are `sequence-classification`, and have nothing behind their head but a {@link logitScore}; sparse encoders are `fill-mask`, with
   * {@link splade} behind it.
   */
  readonly task: Extract<
    EncoderTask,
    'embedding' | 'token-embedding' | 'sequence-classification' | 'fill-mask'
  >;
  /** Folder of the encoder itself, relative to the model's: mostly empty. */
  readonly encoderFolder: string;
  /** What is done to the pooled vector, in this order. */
  readonly layers: readonly SentenceLayer[];
  /** Longest text, where it may be less than the encoder's own. */
  readonly contextLength: number | undefined;
  /** Of a model that keeps a vector of each token: `token-embedding`. */
  readonly multiVector?: MultiVector;
  /** Of a decoder that scores pairs of texts by its logits: `sequence-classification`. */
  readonly logitScore?: LogitScore;
  /** Of an embedder that tells weights and vectors of tokens, too: `embedding`. */
  readonly tokenHeads?: TokenHeads;
  /** How a chat template writes pairs of texts, for those that do not read them as they are. */
  readonly message?: MessageSettings;
  /** Of a sparse encoder. */
  readonly splade?: Splade;
  /** True if it is a table of vectors without any layers, which has no config.json and reads no special tokens. */
  readonly isStatic?: boolean;
}

/** `config.json` of the encoder of a folder, or what stands for it. @throws KvasirError `invalid_model` */
export function readEncoderConfig(
  folder: string,
  { encoderFolder, isStatic = false }: Pick<SentenceModules, 'encoderFolder' | 'isStatic'>,
): Promise<ModelConfig> {
  const place = path.join(folder, encoderFolder);
  return isStatic ? readStaticConfig(place) : ModelConfig.read(place);
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
  if (encoder?.type === 'StaticEmbedding')
    return {
      ...PLAIN_MODULES,
      encoderFolder: encoder.path,
      isStatic: true,
      layers: await readLayers(folder, file, behind, encoder.type),
    };
  if (encoder?.type !== 'Transformer' && encoder?.type !== 'MLMTransformer')
    return unsupported(file, `${encoder === undefined ? 'no modules' : first(encoder)}; ${SERVED}`);
  const mask = behind.find(({ type }) => type === 'MultiVectorMask');
  const place = path.join(folder, encoder.path);
  const pylate = mask === undefined ? await readPylate(folder) : undefined;
  const keepsTokens = mask !== undefined || pylate !== undefined;
  const { task: named, contextLength, message } = await readTextSettings(place, keepsTokens);
  const task = encoder.type === 'MLMTransformer' ? 'fill-mask' : named;
  const isOfPairs = task === 'sequence-classification' || task === 'text-generation';
  if (message !== undefined && !isOfPairs)
    return unsupported(file, 'texts are written by a chat template, of a model that reads no pairs');
  const common = { encoderFolder: encoder.path, contextLength };
  if (mask !== undefined) {
    if (task !== 'embedding') return unsupported(file, `a MultiVectorMask behind a ${task}; ${SERVED}`);
    const layers = behind.filter(module => module !== mask);
    return {
      ...PLAIN_MODULES,
      ...common,
      task: 'token-embedding',
      layers: await readLayers(folder, file, layers, encoder.type, 'token_embeddings'),
      multiVector: await readMultiVector(place, await ModelConfig.read(path.join(folder, mask.path))),
    };
  }
  if (pylate !== undefined) {
    if (task !== 'embedding') return unsupported(file, `a ${task} in a folder of PyLate; ${SERVED}`);
    // PyLate reads no others, and has lengths of its own.
    const dense = behind.filter(({ type }) => type === 'Dense');
    const layers = await readLayers(folder, file, dense, encoder.type, 'token_embeddings');
    return {
      ...PLAIN_MODULES,
      encoderFolder: encoder.path,
      task: 'token-embedding',
      layers: [...layers, { kind: 'normalize' }],
      multiVector: pylate,
    };
  }
  const [pooling, ...rest] = behind;
  if (task === 'sequence-classification') {
    if (pooling !== undefined) return unsupported(file, `a ${pooling.type} behind a classifier; ${SERVED}`);
    return { ...PLAIN_MODULES, ...common, task, ...(message && { message }) };
  }
  if (task === 'text-generation') {
    const score = pooling?.type === 'LogitScore' && rest.length === 0 ? pooling : undefined;
    if (score === undefined)
      return unsupported(file, `no LogitScore alone behind a model that writes texts; ${SERVED}`);
    const logitScore = readLogitScore(await ModelConfig.read(path.join(folder, score.path)));
    const modules = { ...PLAIN_MODULES, ...common, logitScore, ...(message && { message }) };
    return { ...modules, task: 'sequence-classification' };
  }
  if (task === 'fill-mask') {
    const splade = pooling?.type === 'SpladePooling' && rest.length === 0 ? pooling : undefined;
    if (splade === undefined)
      return unsupported(file, `no SpladePooling alone behind a head for masked tokens; ${SERVED}`);
    const config = await ModelConfig.read(path.join(folder, splade.path));
    return { ...PLAIN_MODULES, ...common, task, splade: readSplade(config) };
  }
  if (pooling?.type !== 'Pooling') {
    const found = pooling === undefined ? 'no Pooling' : `a module of type ${pooling.type}`;
    return unsupported(file, `${found} behind the Transformer; ${SERVED}`);
  }
  const tokenHeads = await readTokenHeads(place);
  return {
    ...common,
    task,
    ...readPooling(await ModelConfig.read(path.join(folder, pooling.path))),
    layers: await readLayers(folder, file, rest, 'Pooling'),
    ...(tokenHeads && { tokenHeads }),
  };
}

/** @param before what stands before them. */
async function readLayers(
  folder: string,
  file: string,
  modules: readonly Module[],
  before: string,
  feature?: Feature,
): Promise<SentenceLayer[]> {
  const layers: SentenceLayer[] = [];
  for (const { type, path: place } of modules)
    layers.push(
      (await readSentenceLayer(folder, type, place, feature)) ??
        unsupported(file, `a module of type ${type} behind the ${before}; ${SERVED}`),
    );
  return layers;
}

const SERVED =
  'what is served are a Transformer and a Pooling, or a StaticEmbedding, with Dense, LayerNorm and Normalize behind them, a Transformer alone that classifies pairs of texts, one that writes texts with a LogitScore, one for masked tokens with a SpladePooling, and one with a MultiVectorMask';

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
