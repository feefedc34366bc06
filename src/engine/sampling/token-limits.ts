import type { SamplingParameters } from '../types.js';

/** Whether a request excludes tokens by their ids, at any step. */
export function limitsTokens(sampling: SamplingParameters): boolean {
  const { allowedIds, forcedFirstId, forcedLastIds, noRepeatNgram = 0, sourceNoRepeatNgram = 0 } = sampling;
  const { bannedSequences = [], suppressedIds = [], suppressedFirstIds = [] } = sampling;
  return (
    [allowedIds, forcedFirstId, forcedLastIds].some(forced => forced !== undefined) ||
    [bannedSequences, suppressedIds, suppressedFirstIds].some(({ length }) => length > 0) ||
    noRepeatNgram + sourceNoRepeatNgram > 0
  );
}

/** Excludes all tokens but these. @param logits `[vocabulary]`, changed in place. */
export function keepOnly(logits: Float32Array, ids: readonly number[]): void {
  const kept = ids.map(id => logits[id]!);
  logits.fill(-Infinity);
  ids.forEach((id, i) => (logits[id] = kept[i]!));
}

/**
 * The last id of each sequence whose other ids are the latest tokens.
 *
 * @param tokens of the prompt, then the generated ones.
 * @param begin where the generated ones begin: only these count.
 */
export function sequenceEnds(
  sequences: readonly (readonly number[])[],
  tokens: readonly number[],
  begin: number,
): number[] {
  const ends: number[] = [];
  for (const sequence of sequences) {
    const before = sequence.length - 1;
    const start = tokens.length - before;
    if (start < begin) continue;
    let i = 0;
    while (i < before && tokens[start + i] === sequence[i]) i++;
    if (i === before) ends.push(sequence[before]!);
  }
  return ends;
}
