import type { EncodeResult, EntryFailure, RunTime, SourceEntry } from '../contract.js';

/**
 * Encodes sources in runs of those of consecutive slots, one after the other. One that fails gives its own
 * entries an error.
 *
 * @param encode does one run.
 */
export async function encodeParts(
  entries: readonly SourceEntry[],
  encode: (part: readonly SourceEntry[]) => Promise<void>,
): Promise<EncodeResult> {
  const results: (EntryFailure | undefined)[] = [];
  const runs: RunTime[] = [];
  while (results.length < entries.length) {
    const part = consecutive(entries, results.length);
    const began = performance.now();
    try {
      await encode(part);
      const longest = Math.max(...part.map(({ ids }) => ids.length));
      // Sources are padded to the longest.
      runs.push({ decoding: 0, promptTokens: longest * part.length, ms: performance.now() - began });
      for (const _ of part) results.push(undefined);
    } catch (error) {
      for (const _ of part) results.push({ error: error as Error });
    }
  }
  return { results, runs };
}

/** The entries from `begin` on that are of consecutive slots. */
function consecutive(entries: readonly SourceEntry[], begin: number): readonly SourceEntry[] {
  const { slot } = entries[begin]!;
  let end = begin + 1;
  while (end < entries.length && entries[end]!.slot === slot + end - begin) end++;
  return entries.slice(begin, end);
}
