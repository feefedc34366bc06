import type { ModelConfig } from '../../config.js';
import type { EncoderTask } from '../../encoder-task.js';
import type { SentenceModules } from '../../sentence-modules.js';
import type { EncoderArchitecture } from '../encoder-architecture.js';
import { embedding } from './embedding.js';
import type { Head, ProjectionDesign } from './head.js';
import { maskedLanguageModel, type MaskedLanguageModel } from './masked-language-model.js';
import { questionAnswering } from './question-answering.js';
import { sequenceClassification, type SequenceClassifier } from './sequence-classification.js';
import { tokenEmbedding } from './token-embedding.js';
import { tokenClassification } from './token-classification.js';

/** The heads of a family; those that are missing it does not have. */
export interface EncoderHeads {
  readonly 'sequence-classification'?: SequenceClassifier;
  readonly 'token-classification'?: ProjectionDesign;
  readonly 'question-answering'?: ProjectionDesign;
  readonly 'fill-mask'?: MaskedLanguageModel;
}

/** The choice of a head, and its size. */
export interface HeadOptions {
  readonly task: EncoderTask;
  /** Pooling and the modules behind it, for `embedding`. */
  readonly modules: SentenceModules;
  /** Labels of a classifier. */
  readonly labels: number;
}

/** @throws KvasirError `unsupported_model` where the family has no such head, `invalid_model` */
export function encoderHead(
  architecture: EncoderArchitecture,
  config: ModelConfig,
  { task, modules, labels }: HeadOptions,
): Head {
  const { hiddenSize, vocabularySize } = architecture.sizes(config);
  const heads = architecture.heads(config);
  const known = <T>(design: T | undefined): T =>
    design ?? config.unsupported(`a ${config.modelType} has no head for ${task}`);
  switch (task) {
    case 'embedding':
      return embedding(config, hiddenSize, modules);
    case 'token-embedding':
      return tokenEmbedding(config, hiddenSize, modules);
    case 'sequence-classification':
      return sequenceClassification(known(heads[task]), labels);
    case 'token-classification':
      return tokenClassification(known(heads[task]), labels);
    case 'question-answering':
      return questionAnswering(known(heads[task]));
    case 'fill-mask':
      return maskedLanguageModel(known(heads[task]), vocabularySize);
  }
}
