import type { Schedulable, Scheduler, Step } from '#engine/scheduler.js';
import type { CachedSource } from '#engine/source.js';
import type { Party } from '#fair-queue.js';
import type { SlotOperation } from '#model/decoder/contract.js';

/** A sequence that nobody waits for. */
export class Fake implements Schedulable {
  computed = 0;
  encoded = false;
  prefillLength = 0;
  get prefillable(): number {
    return this.tokens.length;
  }
  get reusable(): number {
    return Math.max(0, (this.pausesAt ?? this.tokens.length) - 1);
  }
  /** Until that token has run. */
  pausesAt: number | undefined;
  readonly tokens: number[];
  readonly scope: string;
  get keys(): readonly number[] {
    return this.tokens;
  }

  constructor(
    readonly name: string,
    prompt: readonly number[],
    readonly maxLength = 1000,
    readonly reusesPrefix = true,
    readonly priority = 0,
    scope = '',
    readonly party: Party = ['', name],
    readonly source: CachedSource | undefined = undefined,
    readonly aligns = false,
  ) {
    this.scope = scope;
    this.tokens = [...prompt];
  }

  content(position: number): string {
    return `${this.scope}:${nameOf(this.source)}:${this.tokens[position]}`;
  }
}

/** The same for sources that are the same. */
export function nameOf(source: CachedSource | undefined): string {
  return source === undefined ? '' : JSON.stringify(source);
}

/** A prompt of its own: no other seed's has a token in common with it. */
export function prompt(seed: number, length: number): number[] {
  return Array.from({ length }, (_, i) => seed * 10_000 + i);
}

/** Which tokens stand in the cache, and of which scope, by slot. */
type Cells = (string | undefined)[][];

/** Those of layers that see all positions, and of layers with a window. */
export interface Cache {
  readonly whole: Cells;
  readonly windowed: Cells;
  /** The source of each slot, if it has one. */
  readonly sources: (CachedSource | undefined)[];
}

export function emptyCache(slots: number): Cache {
  const cells = (): Cells => Array.from({ length: slots }, () => []);
  return { whole: cells(), windowed: cells(), sources: Array.from({ length: slots }) };
}

function moveSource(sources: Cache['sources'], operation: SlotOperation): void {
  if (operation.kind === 'release' && operation.from === 0) sources[operation.slot] = undefined;
  if (operation.kind === 'copy' && !operation.begin) sources[operation.to] = sources[operation.from];
  if (operation.kind === 'swap') {
    const { a, b } = operation;
    [sources[a], sources[b]] = [sources[b], sources[a]];
  }
}

function arrange(cells: Cells, operation: SlotOperation): void {
  if (operation.kind === 'release') cells[operation.slot] = cells[operation.slot]!.slice(0, operation.from);
  if (operation.kind === 'copy') cells[operation.to] = cells[operation.from]!.slice(0, operation.length);
  if (operation.kind === 'swap') {
    const { a, b, length } = operation;
    [cells[a], cells[b]] = [cells[b]!.slice(0, length), cells[a]!.slice(0, length)];
  }
}

/**
 * Does what an engine does in one step, to sequences and cells alike; what is generated depends on all that
 * came before.
 *
 * @param breaks whether sources cannot be read: their sequences are then taken out.
 * @throws Error where a chunk goes on behind a pause, or a text is held against another source than its own.
 */
export function run(
  scheduler: Scheduler<Fake>,
  { whole, windowed, sources }: Cache,
  limit: number,
  breaks = false,
): Step<Fake> {
  const step = scheduler.schedule(limit);
  for (const operation of step.operations) {
    arrange(whole, operation);
    arrange(windowed, operation);
    moveSource(sources, operation);
    if (operation.kind === 'trim') windowed[operation.slot]!.fill(undefined, 0, operation.before);
  }
  const write = (slot: number, position: number, sequence: Fake): void => {
    whole[slot]![position] = sequence.content(position);
    windowed[slot]![position] = sequence.content(position);
  };
  for (const { sequence, slot } of step.encode) {
    sources[slot] = breaks ? undefined : sequence.source;
    sequence.encoded = !breaks;
  }
  for (const { sequence, slot, start, length } of step.prefill) {
    for (let i = start; i < start + length; i++) write(slot, i, sequence);
    sequence.computed = start + length;
    pause(sequence, start);
    if (sequence.computed === sequence.prefillLength) generate(sequence);
  }
  const leaving = new Set(breaks ? step.encode.map(({ sequence }) => sequence) : []);
  const { align } = step;
  if (align !== undefined && !leaving.has(align)) {
    const slot = step.decode.length;
    if (nameOf(align.source) !== nameOf(sources[slot])) throw new Error(`${align.name} lost its source`);
    // What the slot held of a text is lost.
    whole[slot] = ['lost'];
    windowed[slot] = ['lost'];
    leaving.add(align);
  }
  const decode = step.decode.filter(sequence => !leaving.has(sequence));
  decode.forEach((sequence, slot) => {
    write(slot, sequence.computed, sequence);
    sequence.computed++;
    pause(sequence, sequence.computed - 1);
    if (sequence.computed === sequence.tokens.length) generate(sequence);
  });
  if (leaving.size > 0) scheduler.remove(leaving);
  return { ...step, decode };
}

function pause(sequence: Fake, start: number): void {
  const { pausesAt, computed, name } = sequence;
  if (pausesAt === undefined || computed < pausesAt) return;
  if (computed > pausesAt || start >= pausesAt) throw new Error(`${name} did not pause`);
  sequence.pausesAt = undefined;
}

function generate(sequence: Fake): void {
  if (sequence.computed < sequence.tokens.length) return;
  sequence.tokens.push((sequence.tokens.at(-1)! * 31 + sequence.tokens.length) % 1_000_003);
}
