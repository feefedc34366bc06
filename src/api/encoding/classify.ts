import type { Caller } from '#caller.js';
import type { EncoderModel } from '#registry/types.js';
import { activate, descending } from '#results/scores.js';
import { countTokens, withPlaces } from './inputs.js';
import type { InputLimit, Source } from '#text/inputs.js';

export interface Classifications {
  /** In the order of the sources; of each, one logit per label. */
  readonly logits: Float32Array[];
  /** Of all sources together. */
  readonly tokens: number;
}

/** What a model makes of a text, for one label. */
export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

/**
 * @param model a sequence classifier.
 * @throws KvasirError as `encodeInput` and the encoder
 */
export async function classify(
  model: EncoderModel,
  sources: readonly Source[],
  limit: InputLimit,
  caller: Caller,
): Promise<Classifications> {
  const inputs = await withPlaces(model, sources.length, caller, () =>
    model.texts.map('encodeInput', sources, limit, caller, 'input'),
  );
  const outputs = await model.encoder.encode(inputs, caller);
  return { logits: outputs.map(({ values }) => values), tokens: countTokens(inputs) };
}

/** Scores in the order of the labels. */
export function labelScores(model: EncoderModel, logits: Float32Array, raw: boolean): LabelScore[] {
  return activate(logits, raw ? 'none' : model.activation).map((score, index) => ({
    label: model.labels[index] ?? `LABEL_${index}`,
    score,
  }));
}

/** The best first. */
export function ranked(scores: readonly LabelScore[]): LabelScore[] {
  return descending(scores.map(({ score }) => score)).map(index => scores[index]!);
}
