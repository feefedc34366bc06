import type { BatchEntry } from '../contract.js';
import { entryRows, type RunWays } from '../run-ways.js';
import type { DecoderGraph, Row } from './decoder-graph.js';

/** The graphs of a decoder: one for both, or one that begins sequences and one that continues them. */
export interface DecoderGraphs {
  readonly first: DecoderGraph;
  readonly next: DecoderGraph;
}

/**
 * Runs of ready-made graphs, each over consecutive slots, within what their logits allow.
 *
 * @param run continues slots from `slot` on by a row each, and gives the logits of all positions or of each
 * row's last.
 */
export function graphWays(
  { first, next }: DecoderGraphs,
  run: (slot: number, rows: readonly Row[], all: boolean) => Promise<Float32Array>,
): RunWays {
  const together = async (entries: readonly BatchEntry[]): ReturnType<RunWays['decode']> =>
    entryRows(await run(entries[0]!.slot, entries, false), entries.length);

  /** Logits of all positions from a graph that gives only the last one's. */
  async function oneByOne({ slot, ids, computed }: BatchEntry): Promise<Float32Array> {
    const rows: Float32Array[] = [];
    for (const [i, id] of ids.entries())
      rows.push(await run(slot, [{ ids: [id], computed: computed + i }], false));
    const logits = new Float32Array(ids.length * next.vocabularySize);
    rows.forEach((row, i) => logits.set(row, i * next.vocabularySize));
    return logits;
  }

  const prefill: RunWays['prefill'] = async entry => {
    const all = entry.wanted === 'all';
    if (all && next.ports.logits.lastOnly && entry.ids.length > 1) return { logits: await oneByOne(entry) };
    const logits = await run(entry.slot, [entry], all);
    return { logits: entry.wanted === 'none' ? logits.subarray(0, 0) : logits };
  };

  return {
    decode: together,
    prefill,
    // Padding behind a sequence leaves something in the cache, but beyond its end, where its next tokens
    // overwrite it.
    prefillTogether: async entries => {
      if (first.givesAll(entries.map(({ ids }) => ids.length))) return together(entries);
      const results = [];
      for (const entry of entries) results.push(await prefill(entry));
      return results;
    },
  };
}
