import { COUNTS, EXITS, STATE, type CountedMembers, type Grammar } from './grammar.js';

/**
 * The state of a text in one rule, and in those that called it. A rule may have been called from several
 * places at once (alternatives that are still open), so parents are a list: a graph-structured stack (Tomita
 * 1985).
 */
export interface Frame {
  readonly state: number;
  /** See `Counter`. */
  readonly count: number;
  /** The frames in which the callers go on; undefined: nobody called, the text ends with this rule. */
  readonly parents: readonly (Frame | undefined)[];
}

/** Parents of a frame that nobody called. */
export const NO_CALLER: readonly undefined[] = [undefined];

/** The frame before the first byte. */
export function firstFrame({ starts }: Grammar): Frame {
  return { state: starts[0]!, count: 0, parents: NO_CALLER };
}

/**
 * The frames after one more byte; empty where it must not come. Alternatives that lead to one place are one
 * frame.
 */
export function step(grammar: Grammar, frames: readonly Frame[], byte: number): Frame[] {
  const { next, classes, classCount, calls, accepting, goesOn, starts, counters } = grammar;
  const column = classes[byte]!;
  const result: { state: number; count: number; parents: readonly (Frame | undefined)[] }[] = [];

  const arrive = (state: number, count: number, parents: readonly (Frame | undefined)[]): void => {
    if (accepting[state] && !goesOn[state]) {
      // The rule is over: its callers go on from here.
      for (const parent of parents)
        if (parent !== undefined) arrive(parent.state, parent.count, parent.parents);
      if (!parents.includes(undefined)) return;
      parents = NO_CALLER;
    }
    const same = result.find(frame => frame.state === state && frame.count === count);
    if (same === undefined) result.push({ state, count, parents });
    else if (same.parents !== parents) same.parents = merge(same.parents, parents);
  };
  const move = ({ state, count, parents }: Frame): void => {
    const transition = next[state * classCount + column]!;
    if (transition >= 0) {
      const after = counted(counters[state], count, transition);
      if (after >= 0) arrive(transition & STATE, after, parents);
    }
    for (const { rule, to, bit, after } of calls[state] ?? []) {
      if ((count & bit) !== 0 || (count & after) !== after) continue;
      const start = starts[rule]!;
      const callers = [{ state: to, count: count | bit, parents }];
      move({ state: start, count: initialCount(counters[start]), parents: callers });
    }
    if (accepting[state]) for (const parent of parents) if (parent !== undefined) move(parent);
  };
  for (const frame of frames) move(frame);
  return result;
}

/** The count at a rule's beginning. */
function initialCount(counter: Grammar['counters'][number]): number {
  return counter?.kind === 'count' ? counter.initial : 0;
}

/** The count after a transition, or -1 where the count does not let it pass. */
export function counted(counter: Grammar['counters'][number], count: number, transition: number): number {
  if (counter === undefined) return count;
  if (counter.kind === 'members') {
    const { required, all, isOpen } = counter;
    // A comma needs another member after it.
    if (transition & COUNTS) return count !== all || isOpen ? count : -1;
    return transition & EXITS && (count & required) !== required ? -1 : count;
  }
  if (transition & COUNTS) return count < counter.max ? count + 1 : -1;
  return transition & EXITS && count < counter.min ? -1 : count;
}

/** True if the text may end. */
export function mayEnd({ accepting }: Grammar, frames: readonly Frame[]): boolean {
  const ends = ({ state, parents }: Frame): boolean =>
    accepting[state] === 1 && parents.some(parent => parent === undefined || ends(parent));
  return frames.some(ends);
}

const distances = new WeakMap<Frame, number>();

/** Bytes to the end of the text, on a short way: 0 where it may end. */
export function distance(grammar: Grammar, frame: Frame): number {
  let known = distances.get(frame);
  if (known === undefined) {
    known = ownDistance(grammar, frame.state, frame.count) + distanceAfter(grammar, frame);
    distances.set(frame, known);
  }
  return known;
}

/** The part of the distance that is left when the frame's own rule is over. */
export function distanceAfter(grammar: Grammar, { parents }: Frame): number {
  return parents.reduce(
    (least, parent) => Math.min(least, parent === undefined ? 0 : distance(grammar, parent)),
    Infinity,
  );
}

export function ownDistance(grammar: Grammar, state: number, count: number): number {
  return grammar.distances[state]! + missing(grammar, state, count);
}

/** Bytes to reach the counter's minimum, or to write the members that are missing. */
export function missing(grammar: Grammar, state: number, count: number): number {
  const counter = grammar.counters[state];
  if (counter === undefined) return 0;
  if (counter.kind === 'members') return membersMissing(grammar, counter, state, count);
  return count >= counter.min ? 0 : (counter.min - count) * grammar.units[state]!;
}

/** The same for an object: what is left to write, less the distance of the state alone. */
function membersMissing(
  { distances, toMember, toEnd }: Grammar,
  { required, all, isOpen, costs }: CountedMembers,
  state: number,
  count: number,
): number {
  const needed = required & ~count;
  // The bracket at the end, or a comma, follows each member.
  let bytes = needed === 0 ? toEnd[state]! : toMember[state]!;
  for (let index = 0; index < costs.length - 1; index++) {
    const bit = 1 << index;
    if (needed & bit) bytes += costs[index]! + 1;
    else if (needed === 0 && all & ~count & bit)
      bytes = Math.min(bytes, toMember[state]! + costs[index]! + 1);
  }
  if (needed === 0 && isOpen) bytes = Math.min(bytes, toMember[state]! + costs.at(-1)! + 1);
  return bytes - distances[state]!;
}

/** Joins two lists of parents, without duplicates: a call from the same state is one. */
function merge(
  left: readonly (Frame | undefined)[],
  right: readonly (Frame | undefined)[],
): readonly (Frame | undefined)[] {
  const result = [...left];
  for (const parent of right) if (!result.some(known => sameFrame(known, parent))) result.push(parent);
  return result.length === left.length ? left : result;
}

function sameFrame(a: Frame | undefined, b: Frame | undefined): boolean {
  if (a === b) return true;
  return (
    a !== undefined &&
    b !== undefined &&
    a.state === b.state &&
    a.count === b.count &&
    (a.parents === b.parents ||
      (a.parents.length === b.parents.length && a.parents.every((parent, i) => parent === b.parents[i])))
  );
}
