import type { SlotOperation } from '#model/decoder/contract.js';
import type { SlotOccupancy } from './types.js';

/** What a slot table must know of a sequence. */
export interface CachedSequence {
  /** Prompt, then what was generated. */
  readonly tokens: readonly number[];
  /** How many of `tokens` have their keys and values in the cache. */
  readonly computed: number;
}

/** A slot that holds the beginning of a prompt. */
export interface PrefixMatch {
  readonly slot: number;
  /** Leading tokens in common. */
  readonly length: number;
}

export interface SlotTableOptions {
  /**
   * How many positions a token sees, its own included, in those layers that do not see all; by default there
   * are none.
   */
  readonly window?: number | undefined;
  /**
   * How many positions at least are given up at a time. As many are kept behind the window, since a prompt
   * may differ in the last tokens of what it continues: an answer can be split otherwise when it comes back
   * as text.
   */
  readonly trimStep?: number | undefined;
  /**
   * Whether a slot keeps the memory that its new sequence is about to fill, which saves giving it back and
   * taking it anew. Not where other slots could fill it before: what is kept counts as free. Default true.
   */
  readonly keepsAhead?: boolean | undefined;
}

interface Slot<S> {
  /** Undefined: idle, free to be taken. */
  sequence: S | undefined;
  /** Of an idle slot: tokens whose keys and values are still there. */
  remembered: readonly number[];
  /** Positions before this one are gone in layers with a window. */
  trimmed: number;
  /** When it was last of use; larger is later. */
  lastUsed: number;
}

/** Some whole pages of memory in each head, whatever its size. */
const TRIM_STEP = 256;

/**
 * What each slot of the cache holds. Idle slots remember the tokens of the sequence that left them, so that a
 * prompt with the same beginning need not be run again. Pure bookkeeping: changes of place are written down
 * as operations for the cache.
 *
 * With a window, slots are trimmed: positions further back are given up. What is left can then be continued
 * near its end only, by the next turn of a chat, but is of no use to a prompt that shares no more than an
 * early part of it.
 */
export class SlotTable<S extends CachedSequence> {
  readonly #slots: Slot<S>[];
  readonly #window: number;
  readonly #trimStep: number;
  readonly #keepsAhead: boolean;
  #operations: SlotOperation[] = [];
  #clock = 0;

  constructor(
    count: number,
    { window = Infinity, trimStep = TRIM_STEP, keepsAhead = true }: SlotTableOptions = {},
  ) {
    this.#window = window;
    this.#trimStep = trimStep;
    this.#keepsAhead = keepsAhead;
    this.#slots = Array.from({ length: count }, () => ({
      sequence: undefined,
      remembered: [],
      trimmed: 0,
      lastUsed: 0,
    }));
  }

  get count(): number {
    return this.#slots.length;
  }

  sequence(slot: number): S | undefined {
    return this.#slots[slot]!.sequence;
  }

  /** Filled positions of a slot that are known and may be of use. */
  filled(slot: number): number {
    const { sequence, remembered } = this.#slots[slot]!;
    return sequence?.computed ?? remembered.length;
  }

  /** Filled positions of all slots. */
  get filledTotal(): number {
    let total = 0;
    for (let slot = 0; slot < this.#slots.length; slot++) total += this.filled(slot);
    return total;
  }

  /** What each slot holds. */
  get occupancy(): SlotOccupancy[] {
    return this.#slots.map(({ sequence }, slot) => {
      const tokens = this.filled(slot);
      return { state: sequence !== undefined ? 'running' : tokens > 0 ? 'kept' : 'empty', tokens };
    });
  }

  /** Hands over what was planned since the last call. */
  takeOperations(): SlotOperation[] {
    const operations = this.#operations;
    this.#operations = [];
    return operations;
  }

  /**
   * The slot with the longest beginning in common with `tokens` that can be continued; an idle one where
   * several are as good.
   *
   * @param most longest beginning that is of use.
   */
  longestPrefix(tokens: readonly number[], most = Infinity): PrefixMatch | undefined {
    let best: PrefixMatch | undefined;
    this.#slots.forEach(({ sequence, remembered, trimmed }, slot) => {
      const limit = Math.min(this.filled(slot), most);
      const length = commonPrefix(sequence?.tokens ?? remembered, tokens, limit);
      if (length === 0 || (trimmed > 0 && length - this.#window < trimmed)) return;
      if (best === undefined || length > best.length || (length === best.length && sequence === undefined))
        best = { slot, length };
    });
    return best;
  }

  /**
   * Gives an idle slot to a sequence. What the slot remembers beyond the sequence's `computed` is forgotten,
   * and beyond all its tokens, which are about to be written, given back.
   */
  occupy(slot: number, sequence: S): void {
    const kept = this.#keepsAhead ? sequence.tokens.length : sequence.computed;
    if (kept < this.filled(slot)) this.#release(slot, kept);
    const { trimmed } = this.#slots[slot]!;
    this.#slots[slot] = { sequence, remembered: [], trimmed, lastUsed: ++this.#clock };
  }

  /** Takes a slot from its sequence. What is cached stays known. */
  vacate(slot: number): void {
    const { sequence, trimmed } = this.#slots[slot]!;
    if (sequence === undefined) return;
    const remembered = sequence.tokens.slice(0, sequence.computed);
    this.#slots[slot] = { sequence: undefined, remembered, trimmed, lastUsed: ++this.#clock };
  }

  /**
   * Forgets what an idle slot holds.
   *
   * @param ahead positions that are about to be written.
   */
  forget(slot: number, ahead = 0): void {
    const idle = this.#slots[slot]!;
    const filled = idle.remembered.length;
    const kept = this.#keepsAhead ? ahead : 0;
    idle.remembered = [];
    idle.trimmed = 0;
    if (filled > kept) this.#release(slot, kept);
  }

  /** Gives up what has left the window, where it is worth it. */
  trim(): void {
    this.#slots.forEach((entry, slot) => {
      const before = this.filled(slot) - this.#window - this.#trimStep;
      if (before - entry.trimmed < this.#trimStep) return;
      entry.trimmed = before;
      this.#giveBack(slot);
    });
  }

  /**
   * Exchanges two slots, contents and all.
   *
   * @param ahead positions of `b` that are about to be written.
   */
  exchange(a: number, b: number, ahead = 0): void {
    if (a === b) return;
    const [lengthA, lengthB] = [this.filled(a), this.filled(b)];
    const kept = Math.max(lengthA, this.#keepsAhead ? ahead : 0);
    if (lengthA > 0 && lengthB > 0)
      this.#operations.push({ kind: 'swap', a, b, length: Math.max(lengthA, lengthB) });
    else if (lengthA > 0) this.#operations.push({ kind: 'copy', from: a, to: b, length: lengthA });
    else if (lengthB > 0) this.#operations.push({ kind: 'copy', from: b, to: a, length: lengthB });
    const slot = this.#slots[a]!;
    this.#slots[a] = this.#slots[b]!;
    this.#slots[b] = slot;
    // What the longer one leaves behind the shorter one.
    if (lengthA > lengthB) this.#release(a, lengthB);
    if (lengthB > kept) this.#release(b, kept);
    this.#giveBack(a);
    this.#giveBack(b);
  }

  /** Copies the beginning of one slot over an idle one, which remembers it from now on. */
  copyPrefix({ slot: from, length }: PrefixMatch, to: number): void {
    if (from === to) return;
    const source = this.#slots[from]!;
    source.lastUsed = ++this.#clock;
    this.#operations.push({ kind: 'copy', from, to, length });
    this.#slots[to] = {
      sequence: undefined,
      remembered: (source.sequence?.tokens ?? source.remembered).slice(0, length),
      trimmed: source.trimmed,
      lastUsed: ++this.#clock,
    };
    this.#giveBack(to);
  }

  /**
   * The idle slot that is the least loss: an empty one, otherwise the one not used for longest. Undefined
   * where none is idle.
   *
   * @param eligible which idle slots come into question.
   */
  leastRecentlyUsed(eligible: (slot: number) => boolean = () => true): number | undefined {
    let best: number | undefined;
    let oldest = Infinity;
    this.#slots.forEach(({ sequence, remembered, lastUsed }, slot) => {
      const age = remembered.length === 0 ? 0 : lastUsed;
      if (sequence !== undefined || age >= oldest || !eligible(slot)) return;
      oldest = age;
      best = slot;
    });
    return best;
  }

  #release(slot: number, from: number): void {
    this.#operations.push({ kind: 'release', slot, from });
  }

  /** Plans that what was trimmed is given back: anew after each move, which writes to it. */
  #giveBack(slot: number): void {
    const { trimmed: before } = this.#slots[slot]!;
    if (before > 0) this.#operations.push({ kind: 'trim', slot, before });
  }
}

/** How many leading elements two lists share, looking at no more than `limit`. */
export function commonPrefix(a: readonly number[], b: readonly number[], limit = Infinity): number {
  const end = Math.min(limit, a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
