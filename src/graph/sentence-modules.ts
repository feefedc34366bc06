import { existsSync } from 'node:fs';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { readJson } from '#files.js';
import type { Activation } from './blocks/activation.js';
import { ModelConfig } from './config.js';

/**
 * Ways to make one vector of a text's token vectors, in the order in which several are put side by side.
 * `mean_sqrt_len_tokens` is the sum over the square root of the length, `weightedmean` the mean with weights
 * 1, 2, 3, ... (SGPT, Muennighoff 2022).
 */
const POOLING_MODES = ['cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean', 'lasttoken'] as const;

export type PoolingMode = (typeof POOLING_MODES)[number];

/** A fully connected layer behind the pooling, in a folder of its own. */
export interface DenseModule {
  /** Relative to the model's folder; it holds `config.json` and `model.safetensors`. */
  readonly folder: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
  readonly activation: Activation;
}

/** The modules behind an encoder's hidden states, as `modules.json` of sentence-transformers names them. */
export interface SentenceModules {
  /** Folder of the encoder itself, relative to the model's: mostly empty. */
  readonly encoderFolder: string;
  /** At least one. */
  readonly pooling: readonly PoolingMode[];
  readonly dense: readonly DenseModule[];
  /** True if the vector is scaled to a length of 1 at last. */
  readonly normalize: boolean;
  /** Longest text, where it is less than the encoder's own. */
  readonly contextLength: number | undefined;
}

/** The modules that sentence-transformers gives a plain encoder. */
export const PLAIN_MODULES: SentenceModules = {
  encoderFolder: '',
  pooling: ['mean'],
  dense: [],
  normalize: false,
  contextLength: undefined,
};

const MODULES = 'modules.json';

/** Fields of `1_Pooling/config.json`, and whether they hold where they are left out. */
const MODE_FIELDS: Readonly<Record<PoolingMode, readonly [field: string, fallback: boolean]>> = {
  cls: ['pooling_mode_cls_token', false],
  max: ['pooling_mode_max_tokens', false],
  mean: ['pooling_mode_mean_tokens', true],
  mean_sqrt_len_tokens: ['pooling_mode_mean_sqrt_len_tokens', false],
  weightedmean: ['pooling_mode_weightedmean_tokens', false],
  lasttoken: ['pooling_mode_lasttoken', false],
};

/** Activations by the last part of their Python name. */
const TORCH_ACTIVATIONS: Readonly<Record<string, Activation>> = {
  Identity: 'linear',
  Tanh: 'tanh',
  ReLU: 'relu',
  GELU: 'gelu',
  SiLU: 'silu',
  Sigmoid: 'sigmoid',
};

/** True if the folder is one of sentence-transformers. */
export function hasSentenceModules(folder: string): boolean {
  return existsSync(path.join(folder, MODULES));
}

/**
 * Reads `modules.json` and what it names.
 *
 * @throws KvasirError `invalid_model` where a file is broken; `unsupported_model` where a module is of a kind
 * that is not known, or stands where it may not
 */
export async function readSentenceModules(folder: string): Promise<SentenceModules> {
  const file = path.join(folder, MODULES);
  const modules = await readModules(file);
  const [encoder, pooling, ...rest] = modules;
  if (encoder?.type !== 'Transformer' || pooling?.type !== 'Pooling')
    return unsupported(file, 'the first two modules must be a Transformer and a Pooling');
  const dense: DenseModule[] = [];
  let normalize = false;
  for (const module of rest) {
    if (module.type === 'Dropout') continue;
    if (normalize) return unsupported(file, `a ${module.type} behind the Normalize`);
    if (module.type === 'Normalize') normalize = true;
    else if (module.type === 'Dense') dense.push(await readDense(folder, module.path));
    else return unsupported(file, `modules of type ${module.type}`);
  }
  return {
    encoderFolder: encoder.path,
    pooling: poolingModes(await ModelConfig.read(path.join(folder, pooling.path))),
    dense,
    normalize,
    contextLength: await readTextLimits(path.join(folder, encoder.path)),
  };
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

function poolingModes(config: ModelConfig): PoolingMode[] {
  if (!config.flag('include_prompt', true))
    config.unsupported('include_prompt is false: tokens of prompts cannot be left out of the pooling');
  if (config.has('pooling_mode')) return [config.choice('pooling_mode', POOLING_MODES)];
  const modes = POOLING_MODES.filter(mode => config.flag(...MODE_FIELDS[mode]));
  return modes.length > 0 ? modes : config.invalid('no pooling mode is on');
}

async function readDense(folder: string, place: string): Promise<DenseModule> {
  const config = await ModelConfig.read(path.join(folder, place));
  const name = config.string('activation_function', 'torch.nn.modules.activation.Tanh');
  return {
    folder: place,
    inputs: config.size('in_features'),
    outputs: config.size('out_features'),
    bias: config.flag('bias', true),
    activation:
      TORCH_ACTIVATIONS[name.split('.').at(-1)!] ?? config.unsupported(`activation_function is '${name}'`),
  };
}

/** Longest text, where `sentence_bert_config.json` says it. */
async function readTextLimits(folder: string): Promise<number | undefined> {
  const file = path.join(folder, 'sentence_bert_config.json');
  if (!existsSync(file)) return undefined;
  const config = await ModelConfig.read(folder, 'sentence_bert_config.json');
  if (config.flag('do_lower_case', false) && !(await lowersByItself(folder)))
    config.unsupported('do_lower_case is true, but the tokenizer does not lower texts by itself');
  return config.has('max_seq_length') ? config.size('max_seq_length') : undefined;
}

/**
 * True if the tokenizer's normalizer lowers texts, so that nobody else has to; one that is not there is for
 * its own loader to miss. Of SentencePiece models nobody can tell.
 */
async function lowersByItself(folder: string): Promise<boolean> {
  if (!existsSync(path.join(folder, 'tokenizer.json')))
    return !['sentencepiece.bpe.model', 'spiece.model', 'tokenizer.model'].some(name =>
      existsSync(path.join(folder, name)),
    );
  const tokenizer = await ModelConfig.read(folder, 'tokenizer.json');
  const lowers = (normalizer: ModelConfig): boolean => {
    const type = normalizer.string('type', '');
    if (type === 'BertNormalizer') return normalizer.flag('lowercase', true);
    return type === 'Lowercase' || normalizer.sections('normalizers').some(lowers);
  };
  const normalizer = tokenizer.section('normalizer');
  return normalizer !== undefined && lowers(normalizer);
}

function unsupported(file: string, fault: string): never {
  throw new KvasirError('unsupported_model', `${file}: ${fault}`);
}
