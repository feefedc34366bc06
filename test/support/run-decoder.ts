import type { BatchEntry, Decoder, EntryLogits, WantedLogits } from '#model/decoder/contract.js';

/**
 * Runs entries.
 *
 * @throws the first error among the results.
 */
export async function run(decoder: Decoder, entries: readonly BatchEntry[]): Promise<EntryLogits[]> {
  const { results } = await decoder.run(entries);
  return results.map(result => {
    if ('error' in result) throw result.error;
    return result;
  });
}

/** Continues one slot, and gives its logits, `[positions wanted, vocabulary]`. */
export async function prefill(
  decoder: Decoder,
  slot: number,
  ids: readonly number[],
  computed: number,
  wanted: WantedLogits,
): Promise<Float32Array> {
  const [result] = await run(decoder, [{ slot, ids, computed, wanted }]);
  return result!.logits;
}

/** Continues slots `0 .. ids.length - 1` by one token each, and gives their logits, `[slots, vocabulary]`. */
export async function decode(
  decoder: Decoder,
  ids: readonly number[],
  computed: readonly number[],
): Promise<Float32Array> {
  const results = await run(decoder, latestTokens(ids, computed));
  return joined(results.map(({ logits }) => logits));
}

/** Entries of slots `0 .. ids.length - 1`, by one token each. */
export function latestTokens(ids: readonly number[], computed: readonly number[]): BatchEntry[] {
  return ids.map((id, slot) => ({ slot, ids: [id], computed: computed[slot]!, wanted: 'last' }));
}

/** Rows one after the other. */
export function joined(rows: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0));
  let begin = 0;
  for (const row of rows) {
    all.set(row, begin);
    begin += row.length;
  }
  return all;
}
