import type { SlotOperation } from '#model/decoder/contract.js';
import { commonPrefix, haveOneSource, PrefixIndex, REUSE_BLOCK, type ReuseKeys } from './prefix-index.js';
import type { CachedSource } from './source.js';
import type { SlotOccupancy } from './types.js';

/** What a slot table must know of a sequence. */
export interface CachedSequence extends ReuseKeys {
  /** How many of its positions have their keys and values in the cache. */
  readonly computed: number;
  /** Whether its source is in the cache, where it has one; default: it is not. */
  readonly encoded?: boolean;
}

/** A slot that holds the beginning of a prompt, and the source if there is one. */
export interface PrefixMatch {
  readonly slot: number;
  /** Leading tokens in common; with a source there may be none. */
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

interface Slot<S> extends ReuseKeys {
  /** Undefined: idle, free to be taken. */
  sequence: S | undefined;
  /** Which one it is. */
  place: number;
  /** Of the sequence that has it, or had it last. */
  scope: string;
  /** Of an idle slot: only where it is there. */
  source: CachedSource | undefined;
  keys: readonly number[];
  /** Of an idle slot: positions whose keys and values are still there. */
  kept: number;
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
 * as operations for the cache. A slot has the source of its sequence as well, which moves with it; a slot that is
 * idle may keep no more than that.
 *
 * With a window, slots are trimmed: positions further back are given up. What is left can then be continued
 * near its end only, by the next turn of a chat, but is of no use to a prompt that shares no more than an
 * early part of it.
 */
export class SlotTable<S extends CachedSequence> {
  readonly #slots: Slot<S>[];
  /** Of all slots but idle ones that keep too little. */
  readonly #index = new PrefixIndex<Slot<S>>();
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
    this.#slots = Array.from({ length: count }, (_, place) => ({
      sequence: undefined,
      place,
      scope: '',
      source: undefined,
      keys: [],
      kept: 0,
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
    return filledOf(this.#slots[slot]!);
  }

  /** Filled positions of a slot, with those of its source. */
  held(slot: number): number {
    return heldOf(this.#slots[slot]!);
  }

  /** Filled positions of all slots, with those of their sources. */
  get heldTotal(): number {
    let total = 0;
    for (const slot of this.#slots) total += heldOf(slot);
    return total;
  }

  /** What each slot holds. */
  get occupancy(): SlotOccupancy[] {
    return this.#slots.map(({ sequence }, slot) => {
      const tokens = this.held(slot);
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
   * The slot with the longest beginning in common with a sequence that can be continued; an idle one where
   * several are as good. Undefined where no slot has the sequence's source, or, without one, where no beginning
   * is as long as {@link REUSE_BLOCK}.
   *
   * @param most longest beginning that is of use.
   */
  longestPrefix(sequence: ReuseKeys, most = Infinity): PrefixMatch | undefined {
    const { source, keys } = sequence;
    const shortest = source === undefined ? REUSE_BLOCK : 0;
    if (Math.min(most, keys.length) < shortest) return undefined;
    let best: Slot<S> | undefined;
    let length = shortest - 1;
    for (const slot of this.#index.candidates(sequence)) {
      if (source !== undefined && !(sourceLength(slot) > 0 && haveOneSource(slot, sequence))) continue;
      const isAsGood = best?.sequence !== undefined && slot.sequence === undefined;
      const least = Math.max(isAsGood ? length : length + 1, this.#leastContinued(slot));
      const limit = Math.min(filledOf(slot), most);
      // Most of those with the same first block differ where they would have to be better.
      if (least > limit || slot.keys[least - 1] !== keys[least - 1]) continue;
      const common = commonPrefix(slot, sequence, limit);
      if (common < least) continue;
      best = slot;
      length = common;
    }
    return best && { slot: best.place, length };
  }

  /**
   * Gives an idle slot to a sequence. What the slot remembers beyond the sequence's `computed` is forgotten,
   * and beyond all its tokens, which are about to be written, given back.
   */
  occupy(slot: number, sequence: S): void {
    const { scope, source, keys, computed } = sequence;
    const kept = this.#keepsAhead ? keys.length : computed;
    // Its first position is about to be written: giving up that one would be to give up the source.
    const least = source === undefined ? kept : Math.max(kept, 1);
    if (least < this.filled(slot)) this.#release(slot, least);
    const { trimmed } = this.#slots[slot]!;
    this.#fill(slot, { sequence, scope, source, keys, kept: 0, trimmed });
  }

  /** Takes a slot from its sequence. What is computed stays known. */
  vacate(slot: number): void {
    const { sequence, scope, keys, trimmed } = this.#slots[slot]!;
    if (sequence === undefined) return;
    const { computed: kept, source: own, encoded } = sequence;
    const source = encoded ? own : undefined;
    this.#fill(slot, { sequence: undefined, scope, source, keys, kept, trimmed });
  }

  /**
   * Forgets what an idle slot holds.
   *
   * @param ahead positions that are about to be written.
   */
  forget(slot: number, ahead = 0): void {
    const kept = this.#keepsAhead ? ahead : 0;
    if (extentOf(this.#slots[slot]!) > kept) this.#release(slot, kept);
    this.#fill(slot, { sequence: undefined, scope: '', source: undefined, keys: [], kept: 0, trimmed: 0 });
  }

  /** Gives up what has left the window, where it is worth it. */
  trim(): void {
    if (this.#window === Infinity) return;
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
    const slot = this.#slots[a]!;
    const [extentA, extentB] = [extentOf(slot), extentOf(this.#slots[b]!)];
    const kept = Math.max(extentA, this.#keepsAhead ? ahead : 0);
    if (extentA > 0 && extentB > 0)
      this.#operations.push({ kind: 'swap', a, b, length: Math.max(lengthA, lengthB) });
    else if (extentA > 0) this.#operations.push({ kind: 'copy', from: a, to: b, length: lengthA });
    else if (extentB > 0) this.#operations.push({ kind: 'copy', from: b, to: a, length: lengthB });
    this.#slots[a] = this.#slots[b]!;
    this.#slots[b] = slot;
    this.#slots[a].place = a;
    slot.place = b;
    // What the longer one leaves behind the shorter one.
    if (extentA > extentB) this.#release(a, extentB);
    if (extentB > kept) this.#release(b, kept);
    this.#giveBack(a);
    this.#giveBack(b);
  }

  /** Copies the beginning of one slot over an idle one, which remembers it from now on. */
  copyPrefix({ slot: from, length }: PrefixMatch, to: number): void {
    if (from === to) return;
    const held = this.#slots[from]!;
    held.lastUsed = ++this.#clock;
    this.#operations.push({ kind: 'copy', from, to, length });
    const { scope, source, keys, trimmed } = held;
    this.#fill(to, { sequence: undefined, scope, source, keys, kept: length, trimmed });
    this.#giveBack(to);
  }

  /**
   * Copies what is computed of one slot's sequence over another's, which has the first `begin` positions
   * already, at least 1, and the same source. The keys of the other one are new.
   */
  overwrite(from: number, to: number, begin: number): void {
    this.#operations.push({ kind: 'copy', from, to, length: this.filled(from), begin });
    const { sequence, trimmed } = this.#slots[to]!;
    const { scope, source, keys } = sequence!;
    const gone = Math.max(trimmed, this.#slots[from]!.trimmed);
    this.#fill(to, { sequence, scope, source, keys, kept: 0, trimmed: gone });
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
    for (let slot = 0; slot < this.#slots.length && oldest > 0; slot++) {
      const entry = this.#slots[slot]!;
      const { sequence, lastUsed } = entry;
      const age = heldOf(entry) === 0 ? 0 : lastUsed;
      if (sequence !== undefined || age >= oldest || !eligible(slot)) continue;
      oldest = age;
      best = slot;
    }
    return best;
  }

  /**
   * The shortest beginning of a slot that can be continued: layers with a window need what lies in it. A
   * layer of kind `state` will allow the lengths of its checkpoints only, since a state cannot be cut back.
   */
  #leastContinued({ trimmed }: Slot<S>): number {
    return trimmed > 0 ? trimmed + this.#window : 0;
  }

  /** Changes what a slot holds. */
  #fill(slot: number, held: Omit<Slot<S>, 'place' | 'lastUsed'>): void {
    const entry = this.#slots[slot]!;
    this.#index.remove(entry);
    Object.assign(entry, held, { lastUsed: ++this.#clock });
    if (held.sequence !== undefined || held.source !== undefined || held.kept >= REUSE_BLOCK)
      this.#index.add(entry);
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

function filledOf({ sequence, kept }: Slot<CachedSequence>): number {
  return sequence?.computed ?? kept;
}

/** Positions of the source that is there. */
function sourceLength({ sequence, source }: Slot<CachedSequence>): number {
  return source === undefined || (sequence !== undefined && !sequence.encoded) ? 0 : source.length;
}

function heldOf(slot: Slot<CachedSequence>): number {
  return filledOf(slot) + sourceLength(slot);
}

/** Positions from which on there is nothing of use; at least 1 where there is a source, see {@link SlotOperation}. */
function extentOf(slot: Slot<CachedSequence>): number {
  return Math.max(filledOf(slot), sourceLength(slot) > 0 ? 1 : 0);
}
