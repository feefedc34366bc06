import { COUNTS, EXITS, STATE, type Grammar } from './grammar.js';

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
    for (const { rule, to } of calls[state] ?? []) {
      const start = starts[rule]!;
      move({ state: start, count: counters[start]?.initial ?? 0, parents: [{ state: to, count, parents }] });
    }
    if (accepting[state]) for (const parent of parents) if (parent !== undefined) move(parent);
  };
  for (const frame of frames) move(frame);
  return result;
}

/** The count after a transition, or -1 where the count does not let it pass. */
export function counted(
  counter: { readonly min: number; readonly max: number } | undefined,
  count: number,
  transition: number,
): number {
  if (counter === undefined) return count;
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

/** Bytes to reach the counter's minimum. */
export function missing({ counters, units }: Grammar, state: number, count: number): number {
  const counter = counters[state];
  return counter === undefined || count >= counter.min ? 0 : (counter.min - count) * units[state]!;
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
