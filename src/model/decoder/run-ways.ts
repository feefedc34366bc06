import type { BatchEntry, BatchResult, EntryLogits, EntryResult, RunTime } from './contract.js';

/**
 * The runs of a decoder whose graph takes batches of these kinds only. Each gives a result for each of its
 * entries, or throws for all.
 */
export interface RunWays {
  /** Continues slots `0 .. entries.length - 1` by their latest tokens. */
  decode(entries: readonly BatchEntry[]): Promise<readonly EntryLogits[]>;
  /**
   * Fills consecutive slots with whole prompts, whose last logits are wanted. Absent where the graph cannot: they
   * are then run one after the other.
   */
  prefillTogether?: ((entries: readonly BatchEntry[]) => Promise<readonly EntryLogits[]>) | undefined;
  /** Continues one slot. */
  prefill(entry: BatchEntry): Promise<EntryLogits>;
  /** Does the first and one of the others in a run, if the graph can. */
  mix?: ((part: MixedPart) => Promise<readonly EntryLogits[]>) | undefined;
  /** Whether the first token of a sequence, where it comes alone, is run as all others; default: as a prompt. */
  readonly decodesFirst?: boolean | undefined;
}

/** Entries of both kinds that share a run; there are some of each. */
export interface MixedPart {
  /** Slots `0 .. decode.length - 1`, each with its latest token. */
  readonly decode: readonly BatchEntry[];
  /** One chunk, or whole prompts of consecutive slots. */
  readonly prompts: readonly BatchEntry[];
}

/** Whether an entry is the latest token of a sequence, or the last one of a prompt, which is run alike. */
export function isLatestToken({ ids, computed, wanted }: BatchEntry): boolean {
  return ids.length === 1 && computed > 0 && wanted === 'last';
}

/** Whether one token of a sequence is run, the first one or another. */
export function isOneToken({ ids, wanted }: BatchEntry): boolean {
  return ids.length === 1 && wanted === 'last';
}

/** Splits entries into runs, one after the other. One that fails gives its own entries an error. */
export async function runInWays(entries: readonly BatchEntry[], ways: RunWays): Promise<BatchResult> {
  const results: EntryResult[] = [];
  const runs: RunTime[] = [];
  const decodes = ways.decodesFirst ? isOneToken : isLatestToken;
  const together = ways.prefillTogether !== undefined;
  let mixed = ways.mix && mixedPart(entries);
  while (results.length < entries.length) {
    const part = mixed
      ? [...mixed.decode, ...mixed.prompts]
      : nextPart(entries, results.length, decodes, together);
    const [first] = part as [BatchEntry];
    const began = performance.now();
    try {
      if (mixed !== undefined) results.push(...(await ways.mix!(mixed)));
      else if (decodes(first) && first.slot === 0) results.push(...(await ways.decode(part)));
      else if (part.length > 1) results.push(...(await ways.prefillTogether!(part)));
      else results.push(await ways.prefill(first));
      runs.push(runTime(part, performance.now() - began, true, decodes));
    } catch (error) {
      // A prompt for which there is not enough memory, say, must not end those that decode: they run apart.
      if (mixed === undefined) for (const _ of part) results.push({ error: error as Error });
    }
    mixed = undefined;
  }
  return { results, runs };
}

/** What the first run can take of both kinds; undefined where there is only one. */
function mixedPart(entries: readonly BatchEntry[]): MixedPart | undefined {
  const decode = decodingEntries(entries);
  const prompts = promptGroup(entries, decode.length);
  return decode.length > 0 && prompts.length > 0 ? { decode, prompts } : undefined;
}

/** The entries from `begin` on that one run can take. */
function nextPart(
  entries: readonly BatchEntry[],
  begin: number,
  decodes: (entry: BatchEntry) => boolean,
  together: boolean,
): readonly BatchEntry[] {
  const first = entries[begin]!;
  if (decodes(first) && first.slot === 0)
    return decodingEntries(begin === 0 ? entries : entries.slice(begin), decodes);
  return together ? promptGroup(entries, begin) : [first];
}

/**
 * Those at the beginning that continue slots 0, 1, 2 and so on by their latest tokens.
 *
 * @param decodes what counts as such.
 */
export function decodingEntries(
  entries: readonly BatchEntry[],
  decodes = isLatestToken,
): readonly BatchEntry[] {
  const end = entries.findIndex((entry, i) => entry.slot !== i || !decodes(entry));
  return end < 0 ? entries : entries.slice(0, end);
}

/** The entries from `begin` on that are whole prompts of consecutive slots; or else one entry, if there is any. */
export function promptGroup(entries: readonly BatchEntry[], begin: number): readonly BatchEntry[] {
  const first = entries[begin];
  if (first === undefined) return [];
  let end = begin + 1;
  if (isWholePrompt(first))
    while (end < entries.length) {
      const next = entries[end]!;
      if (next.slot !== first.slot + end - begin || !isWholePrompt(next)) break;
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
 * @param decodes which entries are no prompts.
 */
export function runTime(
  entries: readonly BatchEntry[],
  ms: number,
  isPadded = true,
  decodes = isLatestToken,
): RunTime {
  let [decoding, tokens, longest] = [0, 0, 0];
  for (const entry of entries) {
    if (decodes(entry)) decoding++;
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
