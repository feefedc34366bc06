import { MOST, type ModelConfig } from '#graph/config.js';
import type { EncoderTask } from './encoder/contract.js';
import type { SentenceConfig } from './sentence-config.js';

/** How a classifier's logits become scores. */
export type ScoreActivation = 'softmax' | 'sigmoid' | 'none';

/**
 * `id2label`, or `LABEL_0`, `LABEL_1`, ... as Hugging Face names them.
 *
 * @throws KvasirError `invalid_model`
 */
export function readLabels(config: ModelConfig): string[] {
  const names = config.section('id2label');
  if (names === undefined)
    return Array.from({ length: config.size('num_labels', 2, MOST.labels) }, (_, i) => `LABEL_${i}`);
  return names.names.map((_, i) => names.word(String(i)));
}

/**
 * Python's activation of a cross-encoder, wherever the versions of sentence-transformers put it; else its
 * default for a folder of its own, or the rule of Hugging Face's text classification pipeline.
 *
 * @param labels how many there are.
 * @throws KvasirError `invalid_model`; `unsupported_model` for a function that is not known
 */
export function readActivation(
  config: ModelConfig,
  task: EncoderTask,
  labels: number,
  sentences: Pick<SentenceConfig, 'kind' | 'activation'>,
): ScoreActivation {
  if (task === 'token-classification') return 'softmax';
  const own = config.section('sentence_transformers');
  const named =
    sentences.activation ??
    (own?.has('activation_fn') ? own.string('activation_fn') : undefined) ??
    config.string('sbert_ce_default_activation_function', '');
  if (named !== '') return byName(config, named);
  const isCrossEncoder = sentences.kind === 'CrossEncoder' || own !== undefined;
  if (isCrossEncoder) return labels === 1 ? 'sigmoid' : 'none';
  const problem = config.choice(
    'problem_type',
    ['regression', 'single_label_classification', 'multi_label_classification', ''],
    '',
  );
  if (problem === 'regression') return 'none';
  if (problem === 'multi_label_classification' || (problem === '' && labels === 1)) return 'sigmoid';
  return 'softmax';
}

/** Functions of PyTorch that make scores of logits. */
const FUNCTIONS: Readonly<Record<string, ScoreActivation>> = {
  Identity: 'none',
  Sigmoid: 'sigmoid',
  Softmax: 'softmax',
};

function byName(config: ModelConfig, name: string): ScoreActivation {
  const known = name.startsWith('torch.') ? FUNCTIONS[name.split('.').at(-1)!] : undefined;
  if (known !== undefined) return known;
  const names = Object.keys(FUNCTIONS).join(', ');
  return config.unsupported(`the activation of its scores is '${name}'; known are torch's ${names}`);
}
