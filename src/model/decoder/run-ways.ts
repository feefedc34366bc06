import type { BatchEntry, BatchResult, EntryLogits, EntryResult, RunTime } from './contract.js';

/**
 * The runs of a decoder whose graph takes batches of these kinds only. Each gives a result for each of its
 * entries, or throws for all.
 */
export interface RunWays {
  /** Continues slots `0 .. entries.length - 1` by their latest tokens. */
  decode(entries: readonly BatchEntry[]): Promise<readonly EntryLogits[]>;
  /** Fills consecutive slots with whole prompts, whose last logits are wanted. */
  prefillTogether(entries: readonly BatchEntry[]): Promise<readonly EntryLogits[]>;
  /** Continues one slot. */
  prefill(entry: BatchEntry): Promise<EntryLogits>;
}

/** Whether an entry is the latest token of a sequence, or the last one of a prompt, which is run alike. */
export function isLatestToken({ ids, computed, wanted }: BatchEntry): boolean {
  return ids.length === 1 && computed > 0 && wanted === 'last';
}

/** Splits entries into runs, one after the other. One that fails gives its own entries an error. */
export async function runInWays(entries: readonly BatchEntry[], ways: RunWays): Promise<BatchResult> {
  const results: EntryResult[] = [];
  const runs: RunTime[] = [];
  while (results.length < entries.length) {
    const part = nextPart(entries, results.length);
    const [first] = part as [BatchEntry];
    const began = performance.now();
    try {
      if (isLatestToken(first) && first.slot === 0) results.push(...(await ways.decode(part)));
      else if (part.length > 1) results.push(...(await ways.prefillTogether(part)));
      else results.push(await ways.prefill(first));
      runs.push(runTime(part, performance.now() - began));
    } catch (error) {
      for (const _ of part) results.push({ error: error as Error });
    }
  }
  return { results, runs };
}

/** The entries from `begin` on that one run can take. */
function nextPart(entries: readonly BatchEntry[], begin: number): readonly BatchEntry[] {
  const first = entries[begin]!;
  const decodes = isLatestToken(first) && first.slot === 0;
  let end = begin + 1;
  if (decodes || isWholePrompt(first))
    while (end < entries.length) {
      const next = entries[end]!;
      if (next.slot !== first.slot + end - begin) break;
      if (!(decodes ? isLatestToken(next) : isWholePrompt(next))) break;
      end++;
    }
  return begin === 0 && end === entries.length ? entries : entries.slice(begin, end);
}

function isWholePrompt({ computed, wanted }: BatchEntry): boolean {
  return computed === 0 && wanted === 'last';
}

/**
 * Describes a run.
 *
 * @param isPadded whether prompts were padded to the longest.
 */
export function runTime(entries: readonly BatchEntry[], ms: number, isPadded = true): RunTime {
  let [decoding, tokens, longest] = [0, 0, 0];
  for (const entry of entries) {
    if (isLatestToken(entry)) decoding++;
    else {
      tokens += entry.ids.length;
      longest = Math.max(longest, entry.ids.length);
    }
  }
  return { decoding, promptTokens: isPadded ? longest * (entries.length - decoding) : tokens, ms };
}

/** Gives each of `count` entries its row of `[count, vocabulary]`. */
export function entryRows(logits: Float32Array, count: number): EntryLogits[] {
  const width = logits.length / count;
  return Array.from({ length: count }, (_, row) => ({
    logits: logits.subarray(row * width, (row + 1) * width),
  }));
}
