import path from 'node:path';
import { hasOtherHead } from '#graph/assembly/seq2seq/weights.js';
import { findSeq2Seq, isEncoderType } from '#graph/families/index.js';
import { MOST, ModelConfig } from '#graph/config.js';
import { headOf } from '#graph/encoder-task.js';
import {
  hasSentenceModules,
  PLAIN_MODULES,
  readSentenceModules,
  type SentenceModules,
} from '#graph/sentence-modules.js';
import type { EncoderTask } from './encoder/contract.js';
import { PLAIN_SENTENCES, readSentenceConfig, type SentenceConfig } from './sentence-config.js';
import { isGenaiFolder } from './decoder/ready-made/genai-config.js';

/** How a classifier's logits become scores. */
export type ScoreActivation = 'softmax' | 'sigmoid' | 'none';

/** What an encoder's folder says that it is. */
export interface EncoderDescription {
  readonly task: EncoderTask;
  /** `config.json` of the encoder. */
  readonly config: ModelConfig;
  /** Pooling and what comes behind it; for `embedding`. */
  readonly modules: SentenceModules;
  /** Names of the labels, in the order of the logits; empty where the task has none. */
  readonly labels: readonly string[];
  readonly activation: ScoreActivation;
  /** Prompts and the like; for `embedding`. */
  readonly sentences: SentenceConfig;
}

/**
 * What kind of model a folder holds: `modules.json` makes an encoder of any, and otherwise the names in
 * `architectures` tell.
 *
 * @throws KvasirError `invalid_model` where config.json is missing or broken
 */
export async function modelKind(folder: string): Promise<'generation' | 'seq2seq' | 'encoder'> {
  if (hasSentenceModules(folder)) return 'encoder';
  if (isGenaiFolder(folder)) return 'generation';
  const config = await ModelConfig.read(folder);
  if (isSeq2Seq(config)) return 'seq2seq';
  if (headOf(config) !== undefined) return 'encoder';
  return !config.has('architectures') && isEncoderType(config) ? 'encoder' : 'generation';
}

function isSeq2Seq(config: ModelConfig): boolean {
  const isOfFamily = findSeq2Seq(config) !== undefined || config.flag('is_encoder_decoder', false);
  return isOfFamily && !hasOtherHead(config);
}

/**
 * Reads an encoder's folder. One without a head and without `modules.json` gives embeddings by the mean, as
 * in sentence-transformers.
 *
 * @throws KvasirError `invalid_model` or `unsupported_model`
 */
export async function describeEncoder(folder: string): Promise<EncoderDescription> {
  if (hasSentenceModules(folder)) {
    const modules = await readSentenceModules(folder);
    const config = await ModelConfig.read(path.join(folder, modules.encoderFolder));
    const sentences = await readSentenceConfig(folder);
    return { task: 'embedding', config, modules, labels: [], activation: 'none', sentences };
  }
  const config = await ModelConfig.read(folder);
  const task = headOf(config) ?? 'embedding';
  const classifies = task === 'sequence-classification' || task === 'token-classification';
  const labels = classifies ? readLabels(config) : [];
  const activation = classifies ? readActivation(config, task, labels.length) : 'none';
  const sentences = task === 'embedding' ? await readSentenceConfig(folder) : PLAIN_SENTENCES;
  return { task, config, modules: PLAIN_MODULES, labels, activation, sentences };
}

/** `id2label`, or `LABEL_0`, `LABEL_1`, ... as Hugging Face names them. */
function readLabels(config: ModelConfig): string[] {
  const names = config.section('id2label');
  if (names === undefined)
    return Array.from({ length: config.size('num_labels', 2, MOST.labels) }, (_, i) => `LABEL_${i}`);
  return names.names.map((_, i) => names.string(String(i)));
}

/** Python's activation of a cross-encoder, or the rule of Hugging Face's text classification pipeline. */
function readActivation(config: ModelConfig, task: EncoderTask, labels: number): ScoreActivation {
  if (task === 'token-classification') return 'softmax';
  const named =
    config.section('sentence_transformers')?.string('activation_fn', '') ??
    config.string('sbert_ce_default_activation_function', '');
  if (named.endsWith('.Identity')) return 'none';
  if (named.endsWith('.Sigmoid')) return 'sigmoid';
  const problem = config.choice(
    'problem_type',
    ['regression', 'single_label_classification', 'multi_label_classification', ''],
    '',
  );
  if (problem === 'regression') return 'none';
  if (problem === 'multi_label_classification' || (problem === '' && labels === 1)) return 'sigmoid';
  return 'softmax';
}
