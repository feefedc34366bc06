import type { Caller } from '#caller.js';
import { invalidRequest } from '#errors.js';
import type { EncoderModel } from '#registry/types.js';
import { entailmentLabels, statementScores } from '#results/entailment.js';
import type { InputLimit, TextSource } from '#text/inputs.js';
import { classify } from './classify.js';
import { MAX_INPUTS } from './inputs.js';
import { labelText, type ZeroShotLabels, type ZeroShotScores } from './zero-shot.js';

/** transformers' own, of its zero-shot classification pipeline. */
export const DEFAULT_HYPOTHESIS = 'This example is {}.';

export interface StatementOptions {
  readonly limit: InputLimit;
  /** Logits of entailment, rather than probabilities. */
  readonly raw: boolean;
  /** Whether several labels may be right at once. */
  readonly multiLabel: boolean;
}

/**
 * How well labels go with texts, by a classifier of what follows from what (Yin et al. 2019): each text is read
 * together with a statement for each label.
 *
 * @throws KvasirError `invalid_request` where the model's labels know no entailment, and for more pairs than
 * {@link MAX_INPUTS}; as `encodeInput` and the encoder
 */
export async function zeroShotTexts(
  model: EncoderModel,
  texts: readonly TextSource[],
  { labels, template }: ZeroShotLabels,
  { limit, raw, multiLabel }: StatementOptions,
  caller: Caller,
): Promise<ZeroShotScores> {
  const known = entailmentLabels(model.labels);
  if (known === undefined)
    throw invalidRequest(
      'candidate_labels',
      "candidate_labels: the model was not made to tell what follows from a text: none of its labels begins with 'entail'",
    );
  if (texts.length * labels.length > MAX_INPUTS)
    throw invalidRequest(
      'candidate_labels',
      `candidate_labels: ${texts.length} texts with ${labels.length} labels are more than ${MAX_INPUTS} pairs; send fewer at once`,
    );
  const statements = labels.map(label => labelText(template, label));
  const pairs = texts.flatMap(({ param, text }) => statements.map(pair => ({ param, text, pair })));
  const { logits, tokens } = await classify(model, pairs, limit, caller);
  const scores = texts.map((_, i) => {
    const own = logits.slice(i * labels.length, (i + 1) * labels.length);
    return raw ? own.map(row => row[known.entailment]!) : statementScores(own, known, multiLabel);
  });
  return { scores, tokens };
}
