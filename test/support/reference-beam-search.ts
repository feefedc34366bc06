import type { BeamParameters } from '#engine/beams/types.js';

/** A hypothesis of the reference. */
export interface ReferenceHypothesis {
  readonly ids: readonly number[];
  readonly score: number;
}

export interface ReferenceOptions extends BeamParameters {
  readonly stopIds: readonly number[];
  readonly maxTokens: number;
  /** Of each token of the vocabulary, after so many generated ones: their log-probabilities, rules applied. */
  readonly logprobs: (generated: readonly number[]) => readonly number[];
}

interface Row {
  readonly ids: readonly number[];
  readonly sum: number;
}

/** Stands for minus infinity in sums. */
const NOTHING = -1e9;

/**
 * Beam search as transformers' `_beam_search` has it for one text: all rows' probabilities side by side, rows and
 * finished hypotheses of fixed number, of which those that are not there have a score of -10^9. Each row's text is
 * given to the model from its beginning.
 */
export function referenceBeamSearch(options: ReferenceOptions): readonly ReferenceHypothesis[] {
  const { width, results, lengthPenalty, earlyStopping, stopIds, maxTokens, logprobs } = options;
  let rows: Row[] = Array.from({ length: width }, (_, row) => ({ ids: [], sum: row === 0 ? 0 : NOTHING }));
  let finished = rows.map(() => ({ ids: [] as readonly number[], score: NOTHING, isFinished: false }));
  for (let length = 1; ; length++) {
    const candidates = rows
      .flatMap(({ ids, sum }) =>
        logprobs(ids).map((logprob, id) => ({ ids: [...ids, id], sum: sum + logprob })),
      )
      .sort((a, b) => b.sum - a.sum)
      .slice(0, Math.max(2, 1 + stopIds.length) * width)
      .map(row => ({ ...row, ends: length >= maxTokens || stopIds.includes(row.ids.at(-1)!) }));
    rows = candidates
      .map(row => ({ ...row, sum: row.sum + (row.ends ? NOTHING : 0) }))
      .sort((a, b) => b.sum - a.sum)
      .slice(0, width);
    const ended = candidates.slice(0, width).filter(({ ends }) => ends);
    finished = [
      ...finished,
      ...ended.map(({ ids, sum }) => ({ ids, score: sum / length ** lengthPenalty, isFinished: true })),
    ]
      .sort((a, b) => b.score - a.score)
      .slice(0, width);
    const best =
      rows[0]!.sum / (earlyStopping === 'never' && lengthPenalty > 0 ? maxTokens : length) ** lengthPenalty;
    const areFinished = finished.every(({ isFinished }) => isFinished);
    const mayImprove = finished.some(
      ({ isFinished }) => best > (isFinished ? finished.at(-1)!.score : NOTHING),
    );
    if (!mayImprove || (areFinished && earlyStopping === true) || candidates.every(({ ends }) => ends)) break;
  }
  return finished.filter(({ score }) => score > NOTHING / 10 ** 4).slice(0, results);
}

/** The logarithms of a distribution. */
export function logSoftmax(logits: readonly number[]): number[] {
  const max = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - max), 0);
  return logits.map(logit => logit - max - Math.log(sum));
}
