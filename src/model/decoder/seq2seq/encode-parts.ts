import type { EncodeResult, EntryFailure, RunTime, SoundSource, SourceEntry } from '../contract.js';

/**
 * Encodes sources in runs, one after the other: texts of consecutive slots share one, and sounds, which fill all
 * cores, have their own. One that fails gives its own entries an error.
 *
 * @param encode does one run.
 * @param positions of a sound, where there are any.
 */
export async function encodeParts(
  entries: readonly SourceEntry[],
  encode: (part: readonly SourceEntry[]) => Promise<void>,
  positions: (sound: SoundSource) => number = () => 0,
): Promise<EncodeResult> {
  const results: (EntryFailure | undefined)[] = [];
  const runs: RunTime[] = [];
  while (results.length < entries.length) {
    const part = consecutive(entries, results.length);
    const began = performance.now();
    try {
      await encode(part);
      const longest = Math.max(
        ...part.map(({ ids, sound }) => (sound === undefined ? ids.length : positions(sound))),
      );
      // Sources are padded to the longest.
      runs.push({ decoding: 0, promptTokens: longest * part.length, ms: performance.now() - began });
      for (const _ of part) results.push(undefined);
    } catch (error) {
      for (const _ of part) results.push({ error: error as Error });
    }
  }
  return { results, runs };
}

/** The entries from `begin` on that are texts of consecutive slots, or one that is a sound. */
function consecutive(entries: readonly SourceEntry[], begin: number): readonly SourceEntry[] {
  const { slot, sound } = entries[begin]!;
  let end = begin + 1;
  while (sound === undefined && entries[end]?.slot === slot + end - begin) end++;
  return entries.slice(begin, end);
}
