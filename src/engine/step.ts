import type { BatchEntry, Decoder, EntryLogits, EntryResult, SourceEntry } from '#model/decoder/contract.js';
import { ChunkSize } from './chunk-size.js';
import type { EngineOptions } from './engine-options.js';
import { promptLookup } from './prompt-lookup.js';
import { checkLogits } from './sampling/check-logits.js';
import { logprobsOf, logprobsOfIds, rankOf } from './sampling/log-probabilities.js';
import { drawToken } from './sampling/next-token.js';
import { RuledSum } from './sampling/ruled-sum.js';
import { Sampler } from './sampling/sampler.js';
import { isPrefilled, type Encoding, type PrefillChunk, type Scheduler, type Step } from './scheduler.js';
import { Turns } from '#turns.js';
import type { AlignTask } from './alignment/align-task.js';
import { alignmentOf } from './alignment/alignment-of.js';
import { Beam } from './beams/beam.js';
import type { BeamGroup, BeamMoves } from './beams/beam-group.js';
import type { Sequence } from './sequence.js';
import type { GenerationRequest, TokenLogprobs } from './types.js';

/** Prompt tokens of one event: whoever writes them does not hold up the others. */
const REPORTED_AT_ONCE = 256;

/** What writes: a sequence, or a row of a beam search. */
type Writing = Sequence | Beam;

/** What has a slot: what writes, or a text that is held against its sound. */
export type EngineSequence = Writing | AlignTask;

/** A step of which each part has what it runs: the scheduler tells them apart by {@link Schedulable.aligns}. */
interface EngineStep extends Step<EngineSequence> {
  readonly prefill: readonly PrefillChunk<Writing>[];
  readonly decode: readonly Writing[];
  readonly align: AlignTask | undefined;
}

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
  readonly #ruled: RuledSum;
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
    this.#ruled = new RuledSum(decoder.shape.vocabularySize);
  }

  /**
   * Admits sequences, runs sources, prompts and those that decode, and draws a token for each that is due one; holds
   * a text against its sound.
   *
   * @returns whether there was anything to do.
   */
  async step(): Promise<boolean> {
    this.#moveBeams();
    const plan = this.#scheduler.schedule(this.#promptTokens()) as EngineStep;
    const { operations, encode, prefill, decode: planned, align } = plan;
    for (const operation of operations) this.#decoder.arrange(operation);
    if (encode.length > 0) await this.#encode(encode);
    // Those that were encoded come last, and none behind one that failed is in its place.
    const lost = planned.findIndex(({ source, encoded }) => source !== undefined && !encoded);
    const decode = lost < 0 ? planned : planned.slice(0, lost);
    if (align !== undefined) await this.#align(align, planned.length);
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
    return encode.length + prompts.length + decode.length > 0 || align !== undefined;
  }

  /**
   * Tokens that a run of prompts or sources may have in this step.
   *
   * A window of sound cannot be cut, and takes as long as dozens of decode steps, for which nothing would be saved up.
   * It comes at once, so that as many as can decode together: one between two tokens of theirs, and not often, since
   * a window's text takes a hundred steps or so.
   */
  #promptTokens(): number {
    if (this.#decoder.source?.sound !== undefined) return this.#prefillTokens;
    return this.#chunkSize.tokens(this.#scheduler.demand(this.#prefillTokens));
  }

  /** Makes the run under way fail, without a word to its sequences, and all later ones. */
  abort(): void {
    this.#aborted = true;
    this.#decoder.abort();
  }

  /** Reads sources. An error ends the sequences whose source it was, and no other. */
  async #encode(encodings: readonly Encoding<EngineSequence>[]): Promise<void> {
    for (const { sequence } of encodings) this.#begin(sequence);
    const entries = encodings.map(({ sequence, slot }) => sourceEntry(sequence.request, slot));
    const { results, runs } = await this.#decoder.encode!(entries);
    this.#chunkSize.observe(runs);
    encodings.forEach(({ sequence }, i) => {
      const failure = results[i];
      if (failure === undefined) sequence.encoded = true;
      else if (!this.#aborted) sequence.fail(failure.error);
    });
  }

  /** Holds a text against its sound, which is in its slot. An error ends this request, and no other. */
  async #align(task: AlignTask, slot: number): Promise<void> {
    if (!task.encoded || task.cancelled !== undefined) return;
    this.#begin(task);
    try {
      const aligned = await this.#decoder.align!(slot, task.request.ids);
      task.complete(await alignmentOf(aligned, task.request));
    } catch (error) {
      if (!this.#aborted) task.fail(error as Error);
    }
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
  #chunk({ sequence, slot, start, length }: PrefillChunk<Writing>): BatchEntry {
    this.#begin(sequence);
    const { prefillLength, promptReported, watchedLength = 0 } = sequence;
    const end = start + length;
    const all = promptReported !== undefined || (watchedLength > start && watchedLength < end);
    const last = end === prefillLength || end === watchedLength;
    const wanted = all ? 'all' : last ? 'last' : 'none';
    return { slot, ids: sequence.tokens.slice(start, start + length), computed: start, wanted };
  }

  /** What may come next, where checking it pays: a greedy sequence that is alone. */
  #draft(sequence: Writing): number[] {
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
    sequences: readonly Writing[],
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
  #take(sequence: Writing, entry: BatchEntry, result: EntryResult): void {
    try {
      if ('error' in result) throw result.error;
      this.#goOn(sequence, entry, result);
    } catch (error) {
      if (!this.#aborted) sequence.fail(error as Error);
    }
  }

  #goOn(sequence: Writing, entry: BatchEntry, result: EntryLogits): void {
    this.#watch(sequence, entry, result);
    if (isPrefilled(sequence)) {
      this.#extend(sequence, entry.ids, result);
    } else {
      sequence.computed += entry.ids.length;
      if (isPrefilled(sequence)) this.#advance(sequence, { logits: this.#row(result.logits, -1) });
    }
  }

  /** Notes what is watched behind a token of the prompt, before rules change its logits. */
  #watch(sequence: Writing, { ids, computed, wanted }: BatchEntry, { logits }: EntryLogits): void {
    const { watchedLength, request } = sequence;
    if (watchedLength === undefined || watchedLength <= computed || watchedLength > computed + ids.length)
      return;
    const row = this.#row(logits, wanted === 'all' ? watchedLength - 1 - computed : -1);
    checkLogits(row);
    sequence.watched = logprobsOfIds(row, request.watch!.ids);
  }

  /**
   * Draws a token after the latest one, and after as much of a draft as the model would have chosen itself.
   */
  #extend(sequence: Writing, ids: readonly number[], result: EntryLogits): void {
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
    const moves = group.offer(beam, row, this.#ruled);
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
  #advance(sequence: Writing, row: EntryLogits): void {
    if (sequence.cancelled !== undefined || sequence.computed < sequence.tokens.length) return;
    if (sequence instanceof Beam) {
      this.#search(sequence, row);
      return;
    }
    sequence.append(drawToken(this.#sampler, this.#ruled, sequence, row));
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

function sourceEntry(
  { sourceIds = [], sound }: Pick<GenerationRequest, 'sourceIds' | 'sound'>,
  slot: number,
): SourceEntry {
  return { slot, ids: sourceIds, sound };
}

function latestToken({ tokens, computed }: Writing, slot: number): BatchEntry {
  return { slot, ids: [tokens[computed]!], computed, wanted: 'last' };
}

/** Whether a piece of a prompt takes no run of its own: the end of one that the cache has the rest of. */
function runsAsDecode({ ids, computed, wanted }: BatchEntry): boolean {
  return ids.length === 1 && computed > 0 && wanted === 'last';
}

function withDraft(entry: BatchEntry, draft: readonly number[]): BatchEntry {
  return { ...entry, ids: [...entry.ids, ...draft], wanted: 'all' };
}
