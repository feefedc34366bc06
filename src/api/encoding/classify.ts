import type { Caller } from '#caller.js';
import type { OneShotModel } from '#registry/vision-types.js';
import { activate, descending } from '#results/scores.js';
import type { InputLimit } from '#text/inputs.js';
import type { InputSource } from '../pictures/picture-source.js';
import { withPlaces } from './inputs.js';
import type { PromptFields } from './prompt.js';
import { readInputs } from './read-inputs.js';

export interface Classifications {
  /** In the order of the sources; of each, one logit per label. */
  readonly logits: Float32Array[];
  /** Of all sources together. */
  readonly tokens: number;
}

/** What a model makes of a text or a picture, for one label. */
export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

/**
 * @param model a classifier of texts or pictures, whichever there are.
 * @param prompt what a model that reads texts as a chat template writes them is asked to do; by default what it says.
 * @throws KvasirError as `readInputs` and the encoder
 */
export async function classify(
  model: OneShotModel,
  sources: readonly InputSource[],
  limit: InputLimit,
  caller: Caller,
  prompt?: PromptFields,
): Promise<Classifications> {
  const { inputs, tokens } = await withPlaces(model, sources.length, caller, () =>
    readInputs(model, sources, limit, caller, prompt),
  );
  const outputs = await model.encoder.encode(inputs, caller);
  return { logits: outputs.map(({ values }) => values), tokens };
}

/** Scores in the order of the labels. */
export function labelScores(
  model: Pick<OneShotModel, 'labels' | 'activation'>,
  logits: Float32Array,
  raw: boolean,
): LabelScore[] {
  return activate(logits, raw ? 'none' : model.activation).map((score, index) => ({
    label: model.labels[index] ?? `LABEL_${index}`,
    score,
  }));
}

/** The best first. */
export function ranked(scores: readonly LabelScore[]): LabelScore[] {
  return descending(scores.map(({ score }) => score)).map(index => scores[index]!);
}
