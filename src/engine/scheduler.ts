import type { DecoderTraits, SlotOperation } from '#model/decoder/contract.js';
import { commonPrefix, haveOneSource, REUSE_BLOCK } from './prefix-index.js';
import { isSound, type CachedSource } from './source.js';
import { SlotTable, type CachedSequence, type PrefixMatch } from './slots.js';
import type { SlotOccupancy } from './types.js';
import { WaitingLine, type Queued } from './waiting-line.js';

/**
 * What the scheduler must know of a sequence.
 *
 * A prompt of 10 tokens, say, has generated 3 when it loses its slot: `tokens` are 13, and `computed` is 0.
 * When it gets a slot again, which holds its first 8 tokens, `computed` is 8, and `prefillLength` 13: tokens
 * 8 to 12 are prefilled, and the logits of the last one give the 14th. From then on it decodes: before each
 * step `computed` is one less than `tokens`. With a decoder whose chunks are not invariant, `computed` begins
 * at 0 and `prefillLength` is 10: the prompt is prefilled, and the 3 tokens are decoded once more.
 *
 * With a source, the slot gets that first, and a prompt of few tokens, as those mostly are, is decoded.
 *
 * A text that is held against its source once more has no tokens here: it gets a slot with its source for one step.
 */
export interface Schedulable extends CachedSequence, Queued {
  /**
   * Set when the sequence gets a slot that holds the beginning of its tokens already, and to 0 when it loses
   * its slot.
   */
  computed: number;
  /**
   * Whether its slot has its source: set when it gets or loses one, and to true when the source was encoded. Of
   * no meaning without a source.
   */
  encoded: boolean;
  /** How many of its tokens are prefilled when it gets a slot; any behind them are decoded once more. */
  readonly prefillable: number;
  /**
   * How many tokens must be computed before it decodes: {@link prefillable} when it got its slot. Set by the
   * scheduler.
   */
  prefillLength: number;
  /** Longest that it may become, in tokens. */
  readonly maxLength: number;
  /** Whether it may start from what is in the cache already. */
  readonly reusesPrefix: boolean;
  /**
   * How many of its leading tokens may be there already, at most: less than all, since the logits of the last one
   * are wanted in any case.
   */
  readonly reusable: number;
  /**
   * A run of its prompt ends behind so many tokens, if not before, since the logits of the last of them are wanted,
   * too; undefined: of none, or no more.
   */
  readonly pausesAt?: number | undefined;
  /** Whether it is a text that is held against its source, and leaves before the next step. */
  readonly aligns?: boolean;
  /** Slots that are kept for it, its own included; default 1. */
  readonly width?: number;
  /**
   * Sequences with the same one lose their slots together. The others come after the first one, by
   * {@link Scheduler.copy}, into slots that were kept for it.
   */
  readonly group?: object;
  /** Told when it has lost its slot and waits again; of a group, one alone does. */
  preempted?(): void;
}

/** A piece of one sequence: tokens `[start, start + length)`. */
export interface PrefillChunk<S> {
  readonly sequence: S;
  readonly slot: number;
  readonly start: number;
  readonly length: number;
}

/** A sequence whose source is to be read. */
export interface Encoding<S> {
  readonly sequence: S;
  readonly slot: number;
}

/** What one step runs. */
export interface Step<S> {
  readonly operations: readonly SlotOperation[];
  /** Before all else; of consecutive slots. One whose source cannot be read leaves before the next step. */
  readonly encode: readonly Encoding<S>[];
  /**
   * One chunk; or several whole sequences, or chunks, where the decoder takes them in a run, in consecutive
   * slots.
   */
  readonly prefill: readonly PrefillChunk<S>[];
  /**
   * Sequences in slots `0 .. decode.length - 1`, in the slots' order, the last of which may have been encoded
   * just now.
   */
  readonly decode: readonly S[];
  /** One that is held against its source, in the slot behind those that decode, which may have been encoded just now. */
  readonly align: S | undefined;
}

/** What a run of prompts would hold up, and what it is for. */
export interface Demand {
  /** Sequences that decode. */
  readonly decoding: number;
  /** Sequences whose sources and prompts are not run to their end, and which hold a slot or could have one. */
  readonly waiting: number;
  /** What is left of these, less what the cache has of them. */
  readonly tokens: number;
}

export interface SchedulerOptions extends Partial<
  Pick<DecoderTraits, 'packs' | 'wholePrompts' | 'chunkInvariant' | 'window'>
> {
  /** How many sequences may hold a slot at once; at least 1. */
  readonly slots: number;
  /**
   * How many tokens the cache may hold, in all slots together, those of sources included; at least as many as the
   * longest sequence.
   */
  readonly cacheTokens: number;
  /**
   * For how many new tokens room is kept when a sequence is admitted. Most end sooner than they may: with
   * less than that, more of them run at once; those that outgrow it may have to give way to older ones, and
   * are run again from their beginning.
   */
  readonly reservedTokens: number;
  /** See {@link SlotTable}. */
  readonly trimStep?: number;
  /** See {@link SlotTable}. */
  readonly keepsAhead?: boolean;
}

/** Of those that wait, how many are looked up in the cache before each step. */
const MOST_COUNTED = 64;
/**
 * So many tokens of a sequence with a source are decoded, not prefilled: those ride along with others, and the
 * start of a text and the token of its language are no more.
 */
const MOST_DECODED = 2;

/**
 * Decides who runs, and in which slot. Pure bookkeeping: it never touches the cache, but tells what to do to
 * it.
 *
 * Sequences that hold a slot are in slots `0 .. n-1`: first those that decode, so that one run over slots
 * `0 .. d-1` serves all of them, then those that are being prefilled: one whose tokens may come in chunks, or
 * several that are run whole; in mixed runs any number, of which the last one may need another chunk. Sequences
 * with a source are encoded in groups, in the slots behind those that decode, which they then do, too. The other
 * slots are idle, and remember what was last in them.
 */
export class Scheduler<S extends Schedulable> {
  readonly #options: SchedulerOptions;
  readonly #table: SlotTable<S>;
  readonly #line = new WaitingLine<S>();
  /** Those that hold a slot, in the order in which they got it. */
  #admitted: S[] = [];
  /** What sequences that wait have to run of prompts and sources, until one runs or a slot changes hands. */
  readonly #pending = new Map<S, number>();
  #decoding = 0;
  #preemptions = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#table = new SlotTable(options.slots, options);
  }

  /** Sequences that wait for a slot, the next one first. */
  get waiting(): readonly S[] {
    return [...this.#line];
  }

  /** How many they are. */
  get waitingCount(): number {
    return this.#line.size;
  }

  /** Sequences that hold a slot, the longest-serving one first. */
  get running(): readonly S[] {
    return this.#admitted;
  }

  /** Tokens in the cache, those of idle slots included. */
  get cachedTokens(): number {
    return this.#table.heldTotal;
  }

  /** What each slot holds. */
  get occupancy(): readonly SlotOccupancy[] {
    return this.#table.occupancy;
  }

  /** How often a sequence had to give its slot back since the start. */
  get preemptions(): number {
    return this.#preemptions;
  }

  add(sequence: S): void {
    this.#line.add(sequence);
  }

  /**
   * Takes a sequence out of the waiting line, at any time.
   *
   * @returns whether it was there.
   */
  withdraw(sequence: S): boolean {
    this.#pending.delete(sequence);
    return this.#line.remove(sequence);
  }

  /**
   * @param most tokens to count: more need not be told apart. Of thousands that wait, the first ones are
   * counted.
   */
  demand(most = Infinity): Demand {
    this.#countDecoding();
    const admitted = this.#admitted.length;
    const next = Math.min(this.#line.size, this.#options.slots - this.#taken);
    let tokens = 0;
    for (let slot = this.#decoding; slot < admitted; slot++) {
      const { prefillLength, computed } = this.#table.sequence(slot)!;
      tokens += prefillLength - computed;
    }
    let counted = 0;
    if (next > 0)
      for (const sequence of this.#line) {
        if (counted++ === Math.min(next, MOST_COUNTED) || tokens >= most) break;
        const pending = this.#pending.get(sequence) ?? pendingTokens(sequence, this.#match(sequence));
        this.#pending.set(sequence, pending);
        tokens += pending;
      }
    return { decoding: this.#decoding, waiting: admitted - this.#decoding + next, tokens };
  }

  /**
   * Admits waiting sequences to free slots and plans the next step. All parts are empty when there is nothing
   * to do.
   *
   * @param limit tokens that a run of prompts or sources may have; 0: none in this step. One source, which cannot
   * be cut, may have more.
   */
  schedule(limit: number): Step<S> {
    this.#countDecoding();
    this.#preempt();
    const encode = limit > 0 ? this.#planEncoding(limit) : [];
    const prefill = limit > 0 && encode.length === 0 ? this.#planPrefill(limit) : [];
    if (encode.length + prefill.length > 0) this.#pending.clear();
    const decode: S[] = [];
    for (let slot = 0; slot < this.#decoding; slot++) decode.push(this.#table.sequence(slot)!);
    const align = decode.at(-1)?.aligns ? decode.pop() : undefined;
    const sources = sum(encode.map(({ sequence }) => lengthOf(sequence.source)));
    this.#makeRoom(sources + decode.length + sum(prefill.map(({ length }) => length)));
    this.#table.trim();
    return { operations: this.#table.takeOperations(), encode, prefill, decode, align };
  }

  /** Takes sequences out, waiting or running, and closes the gaps that they leave. */
  remove(sequences: ReadonlySet<S>): void {
    for (const sequence of sequences) this.#line.remove(sequence);
    this.#pending.clear();
    this.#countDecoding();
    for (let slot = this.#admitted.length - 1; slot >= 0; slot--)
      if (sequences.has(this.#table.sequence(slot)!)) this.#vacate(slot);
  }

  /**
   * Makes a sequence a copy of another one of its group, as far as that is computed. It has a slot itself, or
   * gets one of those that are kept for the group.
   *
   * @param begin positions that it has in common with the other one already, at least 1 where it has a slot.
   */
  copy(from: S, to: S, begin: number): void {
    const [source, target] = [this.#slotOf(from), this.#slotOf(to)];
    this.#pending.clear();
    if (target >= 0) {
      this.#table.overwrite(source, target, begin);
      return;
    }
    this.#makeRoom(from.computed + lengthOf(from.source));
    this.#place(to, { slot: source, length: from.computed });
    // Of the same age as the others, and before those that are prefilled.
    this.#admitted.splice(this.#admitted.indexOf(from) + 1, 0, this.#admitted.pop()!);
    this.#countDecoding();
    const slot = this.#slotOf(to);
    if (slot > this.#decoding) this.#table.exchange(this.#decoding, slot);
  }

  #slotOf(sequence: S): number {
    return this.#admitted.findIndex((_, slot) => this.#table.sequence(slot) === sequence);
  }

  /** Slots that are taken, or kept for sequences that run. */
  get #taken(): number {
    return sum(this.#admitted.map(widthOf));
  }

  /** Whether a sequence gets all the slots that it needs. */
  #hasSlots(sequence: S): boolean {
    return this.#taken + widthOf(sequence) <= this.#options.slots;
  }

  #countDecoding(): void {
    const count = this.#admitted.length;
    let slot = 0;
    while (slot < count && isPrefilled(this.#table.sequence(slot)!)) slot++;
    this.#decoding = slot;
  }

  /**
   * Admits sequences with sources: as many as the cache has the sources of, and then some whose sources are run
   * together within the limit; sound has a run of its own. One that is prefilled keeps others from coming behind it, and so does one that is
   * held against its source: those that decode must have no gap.
   */
  #planEncoding(limit: number): Encoding<S>[] {
    const group: Encoding<S>[] = [];
    let longest = 0;
    while (this.#decoding === this.#admitted.length) {
      const sequence = this.#line.first;
      if (sequence?.source === undefined || !this.#hasSlots(sequence)) break;
      const match = this.#match(sequence);
      longest = Math.max(longest, sequence.source.length);
      const joins =
        match === undefined &&
        !isSound(sequence.source) &&
        longest * (group.length + 1) <= limit &&
        !group.some(other => sequence.reusesPrefix && haveOneSource(other.sequence, sequence));
      if ((group.length > 0 && !joins) || !this.#fits(sequence)) break;
      this.#line.shift();
      this.#place(sequence, match);
      if (match === undefined) group.push({ sequence, slot: this.#admitted.length - 1 });
      this.#countDecoding();
      if (sequence.aligns) break;
    }
    return group;
  }

  /** Admits one sequence, or several that can be run whole within the limit. */
  #admit(limit: number): void {
    const group: S[] = [];
    let longest = 0;
    for (;;) {
      const sequence = this.#line.first;
      if (sequence === undefined || sequence.source !== undefined || !this.#hasSlots(sequence)) return;
      const match = this.#match(sequence);
      longest = Math.max(longest, sequence.prefillable);
      const joins =
        match === undefined &&
        sequence.pausesAt === undefined &&
        longest * (group.length + 1) <= limit &&
        !group.some(other => commonPrefix(other, sequence, REUSE_BLOCK) === REUSE_BLOCK);
      if (group.length > 0 && !joins) return;
      if (!this.#fits(sequence)) return;
      this.#line.shift();
      this.#place(sequence, match);
      group.push(sequence);
      if (!joins || !this.#options.wholePrompts) return;
    }
  }

  /** Admits the next sequence, unless it has to wait. */
  #admitNext(): S | undefined {
    const sequence = this.#line.first;
    if (sequence === undefined || !this.#hasSlots(sequence)) return undefined;
    const match = this.#match(sequence);
    const longer = (match?.length ?? 0) + REUSE_BLOCK;
    const isSoonReusable =
      sequence.reusesPrefix &&
      longer <= sequence.reusable + 1 &&
      this.#admitted.some(other => !isPrefilled(other) && commonPrefix(other, sequence, longer) === longer);
    if (isSoonReusable || !this.#fits(sequence)) return undefined;
    this.#line.shift();
    this.#place(sequence, match);
    return sequence;
  }

  /** The longest beginning of a sequence that is in some slot already, and of use. */
  #match(sequence: S): PrefixMatch | undefined {
    return sequence.reusesPrefix ? this.#table.longestPrefix(sequence, sequence.reusable) : undefined;
  }

  /** Puts a sequence into the first slot after the running ones. */
  #place(sequence: S, match: PrefixMatch | undefined): void {
    const table = this.#table;
    const target = this.#admitted.length;
    const victim = this.#victim(sequence, match);
    if (match !== undefined && victim === match.slot) {
      table.exchange(victim, target);
    } else {
      const { length } = sequence.keys;
      table.forget(victim, victim === target ? length : 0);
      table.exchange(victim, target, length);
      if (match !== undefined)
        table.copyPrefix({ ...match, slot: match.slot === target ? victim : match.slot }, target);
    }
    sequence.computed = match?.length ?? 0;
    sequence.encoded = match !== undefined;
    sequence.prefillLength = sequence.computed + prefilledTokens(sequence, sequence.computed);
    table.occupy(target, sequence);
    this.#admitted.push(sequence);
  }

  /**
   * The idle slot to give up: that of the match itself, if all it holds is a beginning of the new sequence, or
   * behind its source an answer, which is of less use than a copy of the source would cost, or if nothing else is
   * idle.
   */
  #victim({ source }: S, match: PrefixMatch | undefined): number {
    const table = this.#table;
    if (match === undefined || table.sequence(match.slot) !== undefined) return table.leastRecentlyUsed()!;
    if (source !== undefined || table.filled(match.slot) === match.length) return match.slot;
    return table.leastRecentlyUsed(slot => slot !== match.slot) ?? match.slot;
  }

  #planPrefill(limit: number): PrefillChunk<S>[] {
    if (this.#options.packs) return this.#planChunks(limit);
    if (this.#decoding === this.#admitted.length) this.#admit(limit);
    const chunks: PrefillChunk<S>[] = [];
    for (let slot = this.#decoding; slot < this.#admitted.length; slot++) {
      const sequence = this.#table.sequence(slot)!;
      const start = sequence.computed;
      chunks.push({ sequence, slot, start, length: sequence.prefillLength - start });
    }
    const [only] = chunks;
    // Where pieces of a prompt had other logits than the whole, it comes in one.
    const isWhole = chunks.length > 1 || this.#options.chunkInvariant === false;
    return isWhole || only === undefined ? chunks : [this.#cut(only, limit)];
  }

  /**
   * The rest of the sequence that the last run did not get through, and then new ones, as long as the limit
   * lasts.
   */
  #planChunks(limit: number): PrefillChunk<S>[] {
    const chunks: PrefillChunk<S>[] = [];
    let left = limit;
    for (let slot = this.#decoding; left > 0; slot++) {
      const sequence = slot < this.#admitted.length ? this.#table.sequence(slot)! : this.#admitNext();
      if (sequence === undefined) break;
      const start = sequence.computed;
      const rest = { sequence, slot, start, length: sequence.prefillLength - start };
      const chunk = this.#cut(rest, left);
      chunks.push(chunk);
      if (chunk.length < rest.length) break;
      left -= chunk.length;
    }
    return chunks;
  }

  /** As much of a chunk as the limit and a pause allow. */
  #cut(chunk: PrefillChunk<S>, limit: number): PrefillChunk<S> {
    const { sequence, start, length } = chunk;
    const { pausesAt = 0 } = sequence;
    const most = pausesAt > start ? Math.min(limit, pausesAt - start) : limit;
    return { ...chunk, length: Math.min(length, most) };
  }

  /** Tokens that are kept free for a sequence: what it has, and what it was promised or has outgrown. */
  #reserved(sequence: S): number {
    const { source, computed, prefillLength, maxLength } = sequence;
    const promised = prefillLength + this.#options.reservedTokens;
    const own = lengthOf(source) + Math.min(Math.max(promised, computed + 1), maxLength);
    return own * widthOf(sequence);
  }

  #reservedTotal(): number {
    return sum(this.#admitted.map(sequence => this.#reserved(sequence)));
  }

  #fits(sequence: S): boolean {
    const { source, keys, maxLength } = sequence;
    const own = lengthOf(source) + Math.min(keys.length + this.#options.reservedTokens, maxLength);
    const wanted = own * widthOf(sequence);
    // Whoever is alone always fits: no sequence or group is longer than the cache.
    return this.#admitted.length === 0 || this.#reservedTotal() + wanted <= this.#options.cacheTokens;
  }

  /** Sends the youngest back to the waiting line while those that run have outgrown the cache. */
  #preempt(): void {
    while (this.#reservedTotal() > this.#options.cacheTokens) {
      const youngest = this.#admitted.at(-1)!;
      const group = this.#admitted.filter(other => isOfGroup(other, youngest));
      if (group.length === this.#admitted.length) return;
      this.#pending.clear();
      for (const sequence of group) this.#vacate(this.#slotOf(sequence));
      const returned = group[0]!;
      returned.computed = 0;
      returned.encoded = false;
      returned.preempted?.();
      this.#line.putBack(returned);
      this.#preemptions++;
    }
  }

  /** Forgets idle slots, the oldest first, until the next run's tokens find room. */
  #makeRoom(growth: number): void {
    let room = this.#options.cacheTokens - this.#table.heldTotal;
    while (room < growth) {
      const slot = this.#table.leastRecentlyUsed(idle => this.#table.held(idle) > 0);
      if (slot === undefined) return;
      this.#pending.clear();
      room += this.#table.held(slot);
      this.#table.forget(slot);
    }
  }

  /** Takes a running slot from its sequence, and closes the gap. */
  #vacate(slot: number): void {
    const sequence = this.#table.sequence(slot)!;
    const last = this.#admitted.length - 1;
    this.#table.vacate(slot);
    this.#admitted.splice(this.#admitted.indexOf(sequence), 1);
    if (slot < this.#decoding) {
      const lastDecoding = --this.#decoding;
      this.#table.exchange(slot, lastDecoding);
      this.#table.exchange(lastDecoding, last);
    } else {
      this.#table.exchange(slot, last);
    }
  }
}

function widthOf({ width = 1 }: Schedulable): number {
  return width;
}

function isOfGroup(sequence: Schedulable, other: Schedulable): boolean {
  return sequence === other || (sequence.group !== undefined && sequence.group === other.group);
}

/** Whether a sequence decodes. */
export function isPrefilled({ computed, prefillLength }: Schedulable): boolean {
  return computed >= prefillLength;
}

/** How many of its next tokens are prefilled when a sequence gets a slot that has the first ones. */
function prefilledTokens({ source, prefillable, pausesAt = 0 }: Schedulable, computed: number): number {
  const rest = (end: number, begin: number): number =>
    source !== undefined && end - begin <= MOST_DECODED ? 0 : end - begin;
  if (pausesAt <= computed || rest(prefillable, pausesAt) > 0) return rest(prefillable, computed);
  return rest(pausesAt, computed);
}

/** What a sequence would have to run of its source and prompt if it got a slot now. */
function pendingTokens(sequence: Schedulable, match: PrefixMatch | undefined): number {
  const encoded = match === undefined ? lengthOf(sequence.source) : 0;
  return encoded + prefilledTokens(sequence, match?.length ?? 0);
}

/** Of a source. */
function lengthOf(source: CachedSource | undefined): number {
  return source?.length ?? 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
