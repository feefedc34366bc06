import { existsSync } from 'node:fs';
import path from 'node:path';
import { hasOtherHead } from '#graph/assembly/seq2seq/weights.js';
import { findSeq2Seq, isEncoderType } from '#graph/families/index.js';
import { ModelConfig } from '#graph/config.js';
import { headOf } from '#graph/encoder-task.js';
import { missingConfig } from '#graph/folder-contents.js';
import {
  hasSentenceModules,
  PLAIN_MODULES,
  readEncoderConfig,
  readSentenceModules,
  type SentenceModules,
} from '#graph/sentence-modules.js';
import { readStanford } from '#graph/sentence-colbert.js';
import { readTokenHeads } from '#graph/sentence-token-heads.js';
import { PLAIN_SPLADE } from '#graph/sentence-splade.js';
import { readTextSettings } from '#graph/sentence-texts.js';
import { readTaskAdapters } from '#graph/task-adapters.js';
import { readActivation, readLabels, type ScoreActivation } from './classifier-labels.js';
import type { EncoderTask } from './encoder/contract.js';
import { readSentenceConfig, type SentenceConfig } from './sentence-config.js';
import { isGenaiFolder } from './decoder/ready-made/genai-config.js';

/** What an encoder's folder says that it is. */
export interface EncoderDescription {
  readonly task: EncoderTask;
  /** `config.json` of the encoder. */
  readonly config: ModelConfig;
  /** Where the encoder is, and what comes behind it. */
  readonly modules: SentenceModules;
  /** Names of the labels, in the order of the logits; empty where the task has none. */
  readonly labels: readonly string[];
  readonly activation: ScoreActivation;
  /** Prompts and the like. */
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
  if (!existsSync(path.join(folder, 'config.json'))) throw await missingConfig(folder);
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
  const sentences = await readSentenceConfig(folder);
  const hasModules = hasSentenceModules(folder);
  const read = hasModules ? await readSentenceModules(folder) : await plainModules(folder);
  const config = await readEncoderConfig(folder, read);
  const task = hasModules ? read.task : (headOf(config) ?? 'embedding');
  const modules = hasModules || task !== 'embedding' ? read : await withTokenHeads(folder, read);
  refuseOtherKind(config, task, sentences, modules.message !== undefined);
  const classifies = task === 'sequence-classification' || task === 'token-classification';
  const labels = modules.logitScore !== undefined ? [SCORE] : classifies ? readLabels(config) : [];
  const activation = classifies ? readActivation(config, task, labels.length, sentences) : 'none';
  const { poolsPrompt, splade = PLAIN_SPLADE, multiVector, message, isStatic = false } = modules;
  const readsSpecialTokens = !isStatic && message === undefined;
  const hasTokenHeads = modules.tokenHeads !== undefined;
  const tasks = readTaskAdapters(config);
  const own = { poolsPrompt, splade, multiVector, message, hasTokenHeads, readsSpecialTokens, tasks };
  return { task, config, modules, labels, activation, sentences: { ...sentences, ...own } };
}

/** What the one label of a model is called that has no head of its own for it, as transformers calls it. */
const SCORE = 'LABEL_0';

/** An encoder alone, with the longest text that its own files name, or one of ColBERT's own code. */
async function plainModules(folder: string): Promise<SentenceModules> {
  const colbert = await readStanford(folder);
  if (colbert !== undefined) return { ...PLAIN_MODULES, ...colbert, task: 'token-embedding' };
  const { contextLength } = await readTextSettings(folder);
  return { ...PLAIN_MODULES, contextLength };
}

/** The same of a folder with the layers of BGE-M3, whose makers' library takes the first token's state. */
async function withTokenHeads(folder: string, modules: SentenceModules): Promise<SentenceModules> {
  const tokenHeads = await readTokenHeads(folder);
  return tokenHeads === undefined
    ? modules
    : { ...modules, pooling: ['cls'], layers: [{ kind: 'normalize' }], tokenHeads };
}

/**
 * A cross-encoder has labels and an embedder none; prompts of a cross-encoder would stand in front of its
 * pairs, but where a chat template has a place for them.
 */
function refuseOtherKind(
  config: ModelConfig,
  task: EncoderTask,
  { kind, defaultPrompt }: SentenceConfig,
  writesMessages: boolean,
): void {
  if (kind === 'CrossEncoder' && task !== 'sequence-classification')
    config.unsupported(`a CrossEncoder of sentence-transformers whose score does not come of a classifier`);
  if (kind === 'SparseEncoder' && task !== 'fill-mask')
    config.unsupported(
      'a SparseEncoder of sentence-transformers whose vectors do not come of a head for masked tokens',
    );
  if (kind === 'MultiVectorEncoder' && task !== 'token-embedding')
    config.unsupported('a MultiVectorEncoder of sentence-transformers without a MultiVectorMask');
  const takesPrompt = task === 'embedding' || task === 'token-embedding' || kind === 'SparseEncoder';
  if (!takesPrompt && !writesMessages && defaultPrompt !== '')
    config.unsupported(`a default prompt in front of what is classified (config_sentence_transformers.json)`);
}
