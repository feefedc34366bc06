import type { Caller } from '#caller.js';
import { invalidRequest } from '#errors.js';
import type { TowersModel } from '#registry/vision-types.js';
import { activate } from '#results/scores.js';
import { cosine } from '#results/vectors.js';
import type { InputLimit } from '#text/inputs.js';
import type { PictureSource } from '../pictures/picture-source.js';
import { withPlaces } from './inputs.js';
import { readInputs } from './read-inputs.js';

/** Labels of a request's own. */
export interface ZeroShotLabels {
  readonly labels: readonly string[];
  /** Makes a text of a label, which stands in place of its `{}`. */
  readonly template: string;
}

/** The text of a label. */
export function labelText(template: string, label: string): string {
  // Not as a pattern: labels may have dollar signs.
  return template.replaceAll('{}', () => label);
}

/** transformers' own, of its zero-shot image classification pipeline. */
export const DEFAULT_TEMPLATE = 'This is a photo of {}.';

export interface ZeroShotScores {
  /** In the order of the pictures or texts; of each, one score per label. */
  readonly scores: number[][];
  /** Of all that was read together. */
  readonly tokens: number;
}

/**
 * How well labels go with pictures, by the similarity of a text with each label (Radford et al. 2021).
 *
 * @param raw logits, rather than what the model's training makes of them: probabilities of one label among
 * the others (CLIP), or of each by itself (SigLIP).
 * @throws KvasirError `invalid_request` where the model does not tell what its cosines say; as `readInputs`
 * and the encoder
 */
export async function zeroShot(
  model: TowersModel,
  pictures: readonly PictureSource[],
  { labels, template }: ZeroShotLabels,
  { limit, raw }: { readonly limit: InputLimit; readonly raw: boolean },
  caller: Caller,
): Promise<ZeroShotScores> {
  const { similarity, encoder } = model;
  if (similarity === undefined)
    throw invalidRequest(
      'candidate_labels',
      "candidate_labels: the model's files do not say how likely its similarities are; /v1/score gives them as they are",
    );
  const texts = labels.map((label, index) => ({
    param: `candidate_labels[${index}]`,
    text: labelText(template, label),
  }));
  const sources = [...texts, ...pictures];
  const { inputs, tokens } = await withPlaces(model, sources.length, caller, () =>
    readInputs(model, sources, limit, caller),
  );
  const vectors = (await encoder.encode(inputs, caller)).map(({ values }) => values);
  const { scale, bias, activation } = similarity;
  const scores = vectors.slice(texts.length).map(picture => {
    const logits = vectors.slice(0, texts.length).map(text => scale * cosine(picture, text) + bias);
    return activate(logits, raw ? 'none' : activation);
  });
  return { scores, tokens };
}
