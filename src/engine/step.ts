import type { BatchEntry, Decoder, EntryLogits, EntryResult } from '#model/decoder/contract.js';
import { ChunkSize } from './chunk-size.js';
import type { EngineOptions } from './engine-options.js';
import { promptLookup } from './prompt-lookup.js';
import { checkLogits } from './sampling/check-logits.js';
import { logprobsOf, rankOf } from './sampling/log-probabilities.js';
import { drawToken } from './sampling/next-token.js';
import { Sampler } from './sampling/sampler.js';
import { isPrefilled, type Encoding, type PrefillChunk, type Scheduler } from './scheduler.js';
import { Turns } from '#turns.js';
import { Beam } from './beams/beam.js';
import type { BeamGroup, BeamMoves } from './beams/beam-group.js';
import type { Sequence } from './sequence.js';
import type { TokenLogprobs } from './types.js';

/** Prompt tokens of one event: whoever writes them does not hold up the others. */
const REPORTED_AT_ONCE = 256;

/** What has a slot: a sequence, or a row of a beam search. */
export type EngineSequence = Sequence | Beam;

/** Runs what a scheduler plans: entries into the decoder, and tokens out of their logits. */
export class Stepper {
  /** Counts since the start, see {@link EngineStats}. */
  readonly counts = {
    promptTokens: 0,
    reusedPromptTokens: 0,
    generatedTokens: 0,
    draftedTokens: 0,
    acceptedTokens: 0,
  };
  readonly #decoder: Decoder;
  readonly #scheduler: Scheduler<EngineSequence>;
  readonly #prefillTokens: number;
  readonly #draftTokens: number;
  readonly #chunkSize: ChunkSize;
  readonly #sampler: Sampler;
  readonly #moves = new Map<BeamGroup, BeamMoves>();
  #aborted = false;

  constructor(
    decoder: Decoder,
    scheduler: Scheduler<EngineSequence>,
    { prefillTokens, prefillShare, draftTokens }: EngineOptions,
  ) {
    this.#decoder = decoder;
    this.#scheduler = scheduler;
    this.#prefillTokens = prefillTokens;
    this.#draftTokens = decoder.traits.chunkInvariant ? draftTokens : 0;
    const { mixes } = decoder.traits;
    this.#chunkSize = new ChunkSize({ longest: prefillTokens, prefillShare, mixes });
    this.#sampler = new Sampler(decoder.shape.vocabularySize);
  }

  /**
   * Admits sequences, runs sources, prompts and those that decode, and draws a token for each that is due one.
   *
   * @returns whether there was anything to do.
   */
  async step(): Promise<boolean> {
    this.#moveBeams();
    const limit = this.#chunkSize.tokens(this.#scheduler.demand(this.#prefillTokens));
    const { operations, encode, prefill, decode: planned } = this.#scheduler.schedule(limit);
    for (const operation of operations) this.#decoder.arrange(operation);
    if (encode.length > 0) await this.#encode(encode);
    // Those that were encoded come last, and none behind one that failed is in its place.
    const lost = planned.findIndex(({ source, encoded }) => source !== undefined && !encoded);
    const decode = lost < 0 ? planned : planned.slice(0, lost);
    for (const sequence of decode) this.#begin(sequence);
    const prompts = prefill.map(({ sequence }) => sequence);
    const chunks = prefill.map(chunk => this.#chunk(chunk));
    if (prompts.length > 0 && (this.#decoder.traits.mixes || chunks.every(runsAsDecode))) {
      await this.#run([...decode, ...prompts], [...decode.map(latestToken), ...chunks]);
      return true;
    }
    // Where they are runs of their own, a prompt's first token does not wait for the others' next ones.
    if (prompts.length > 0) await this.#run(prompts, chunks);
    if (decode.length > 0) {
      const draft = decode.length === 1 ? this.#draft(decode[0]!) : [];
      await this.#run(decode, decode.map(latestToken), draft);
    }
    return encode.length + prompts.length + decode.length > 0;
  }

  /** Makes the run under way fail, without a word to its sequences, and all later ones. */
  abort(): void {
    this.#aborted = true;
    this.#decoder.abort();
  }

  /** Reads sources. An error ends the sequences whose source it was, and no other. */
  async #encode(encodings: readonly Encoding<EngineSequence>[]): Promise<void> {
    for (const { sequence } of encodings) this.#begin(sequence);
    const entries = encodings.map(({ sequence, slot }) => ({ slot, ids: sequence.source! }));
    const { results, runs } = await this.#decoder.encode!(entries);
    this.#chunkSize.observe(runs);
    encodings.forEach(({ sequence }, i) => {
      const failure = results[i];
      if (failure === undefined) sequence.encoded = true;
      else if (!this.#aborted) sequence.fail(failure.error);
    });
  }

  /** Notes a sequence's first run, before it. */
  #begin(sequence: EngineSequence): void {
    if (sequence.started) return;
    sequence.start();
    this.counts.promptTokens += sequence.promptLength + (sequence.source?.length ?? 0);
    this.counts.reusedPromptTokens += sequence.reused;
  }

  /**
   * A chunk as the decoder takes it; its logits only with the last chunk, or where the prompt's own are
   * wanted.
   */
  #chunk({ sequence, slot, start, length }: PrefillChunk<EngineSequence>): BatchEntry {
    this.#begin(sequence);
    const isLast = start + length === sequence.prefillLength;
    const wanted = sequence.promptReported !== undefined ? 'all' : isLast ? 'last' : 'none';
    return { slot, ids: sequence.tokens.slice(start, start + length), computed: start, wanted };
  }

  /** What may come next, where checking it pays: a greedy sequence that is alone. */
  #draft(sequence: EngineSequence): number[] {
    if (sequence instanceof Beam) return [];
    const { request, tokens, computed, remaining } = sequence;
    const { sampling, constraint } = request;
    const longest = Math.min(this.#draftTokens, remaining - 1);
    const isLatest = computed === tokens.length - 1;
    const checkable = isLatest && sampling.temperature === 0 && constraint === undefined;
    return longest > 0 && checkable ? promptLookup(tokens, longest) : [];
  }

  /**
   * Continues sequences by an entry each.
   *
   * @param draft what may follow the first entry.
   */
  async #run(
    sequences: readonly EngineSequence[],
    entries: BatchEntry[],
    draft: readonly number[] = [],
  ): Promise<void> {
    if (draft.length > 0) entries[0] = withDraft(entries[0]!, draft);
    const { results, runs } = await this.#decoder.run(entries);
    // A run with a draft is no measure for others.
    if (draft.length === 0) this.#chunkSize.observe(runs);
    const turns = new Turns();
    for (let i = 0; i < sequences.length; i++) {
      const [sequence, entry, result] = [sequences[i]!, entries[i]!, results[i]!];
      if (!(sequence instanceof Beam) && sequence.promptReported !== undefined)
        await this.#reportPrompt(sequence, entry, result);
      if (!sequence.finished) this.#take(sequence, entry, result);
      // A structure's mask may take some milliseconds.
      if (turns.isOver && i < sequences.length - 1) await turns.next();
    }
  }

  /** Gives a sequence what its entry's run came to. An error ends this sequence, and no other. */
  #take(sequence: EngineSequence, entry: BatchEntry, result: EntryResult): void {
    try {
      if ('error' in result) throw result.error;
      this.#goOn(sequence, entry, result);
    } catch (error) {
      if (!this.#aborted) sequence.fail(error as Error);
    }
  }

  #goOn(sequence: EngineSequence, entry: BatchEntry, result: EntryLogits): void {
    if (isPrefilled(sequence)) {
      this.#extend(sequence, entry.ids, result);
    } else {
      sequence.computed += entry.ids.length;
      if (isPrefilled(sequence)) this.#advance(sequence, { logits: this.#row(result.logits, -1) });
    }
  }

  /**
   * Draws a token after the latest one, and after as much of a draft as the model would have chosen itself.
   */
  #extend(sequence: EngineSequence, ids: readonly number[], result: EntryLogits): void {
    this.counts.draftedTokens += ids.length - 1;
    for (let i = 0; i < ids.length && !sequence.finished; i++) {
      sequence.computed++;
      this.#advance(sequence, ids.length === 1 ? result : { logits: this.#row(result.logits, i) });
      if (sequence.tokens.at(-1) !== ids[i + 1] || sequence.cancelled !== undefined) return;
      this.counts.acceptedTokens++;
    }
  }

  /** Extends the rows of a beam search, when the logits of the last one are there. */
  #search(beam: Beam, row: EntryLogits): void {
    const { group } = beam;
    const moves = group.offer(beam, row);
    if (moves !== undefined) this.#moves.set(group, moves);
    if (group.finished) this.counts.generatedTokens += group.writtenTokens;
  }

  /** Gives rows of beam searches their places, once all that ran has been noted. */
  #moveBeams(): void {
    for (const [{ finished, cancelled }, { copies, left }] of this.#moves) {
      if (finished || cancelled !== undefined) continue;
      for (const { from, to, begin } of copies) this.#scheduler.copy(from, to, begin);
      if (left.size > 0) this.#scheduler.remove(left);
    }
    this.#moves.clear();
  }

  /** Draws a sequence's next token, unless it is known already, as where it is decoded once more. */
  #advance(sequence: EngineSequence, row: EntryLogits): void {
    if (sequence.cancelled !== undefined || sequence.computed < sequence.tokens.length) return;
    if (sequence instanceof Beam) {
      this.#search(sequence, row);
      return;
    }
    sequence.append(drawToken(this.#sampler, sequence, row.logits, row.maxima));
    this.counts.generatedTokens++;
  }

  /**
   * Of each position of a prompt's chunk, the log-probabilities of what follows; in turns with others. Those
   * that were reported before the sequence lost its slot are not told again.
   */
  async #reportPrompt(
    sequence: Sequence,
    { ids, computed: start }: BatchEntry,
    result: EntryResult,
  ): Promise<void> {
    if ('error' in result) return;
    const { tokens, promptLength, request } = sequence;
    const turns = new Turns();
    // Nothing precedes the first token.
    let entries: (TokenLogprobs | undefined)[] = sequence.promptReported === 0 ? [undefined] : [];
    let next = Math.max(start + 1, sequence.promptReported ?? 0);
    const end = Math.min(start + ids.length + 1, promptLength);
    try {
      for (; next < end; next++) {
        const row = this.#row(result.logits, next - 1 - start);
        checkLogits(row);
        const id = tokens[next]!;
        entries.push({ ...logprobsOf(row, id, request.promptLogprobs ?? 0), rank: rankOf(row, id) });
        if (entries.length === REPORTED_AT_ONCE) {
          sequence.reportPrompt(entries);
          entries = [];
        }
        if (turns.isOver) await turns.next();
      }
      if (entries.length > 0) sequence.reportPrompt(entries);
    } catch (error) {
      if (!this.#aborted) sequence.fail(error as Error);
    }
  }

  /** One position's logits of `[positions, vocabulary]`; -1: the last one's. */
  #row(logits: Float32Array, index: number): Float32Array {
    const { vocabularySize } = this.#decoder.shape;
    const begin = index < 0 ? logits.length - vocabularySize : index * vocabularySize;
    return logits.subarray(begin, begin + vocabularySize);
  }
}

function latestToken({ tokens, computed }: EngineSequence, slot: number): BatchEntry {
  return { slot, ids: [tokens[computed]!], computed, wanted: 'last' };
}

/** Whether a piece of a prompt takes no run of its own: the end of one that the cache has the rest of. */
function runsAsDecode({ ids, computed, wanted }: BatchEntry): boolean {
  return ids.length === 1 && computed > 0 && wanted === 'last';
}

function withDraft(entry: BatchEntry, draft: readonly number[]): BatchEntry {
  return { ...entry, ids: [...entry.ids, ...draft], wanted: 'all' };
}
