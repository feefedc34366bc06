import type { KvasirError } from '#errors.js';
import type { Party } from '#fair-queue.js';
import { Progress } from '../progress.js';
import type { Schedulable } from '../scheduler.js';
import type { SequenceOptions } from '../sequence.js';
import { sourceOf, type CachedSource } from '../source.js';
import type { Alignment, AlignRequest } from '../types.js';
import { Outcome } from './outcome.js';

/**
 * A text that is to be held against its sound: it waits for its turn like a sequence, and has a slot for one step.
 * The slot keeps the sound.
 */
export class AlignTask implements Schedulable {
  readonly request: AlignRequest;
  readonly source: CachedSource | undefined;
  readonly reusesPrefix: boolean;
  readonly party: Party;
  readonly channel = new Outcome<Alignment>();
  readonly aligns = true;
  /** The text is run whole, at once: the scheduler has nothing to run. */
  readonly keys: readonly number[] = [];
  readonly prefillable = 0;
  readonly reusable = 0;
  computed = 0;
  prefillLength = 0;
  encoded = false;
  /** Set when the request was taken back. */
  cancelled: KvasirError | undefined;
  finished = false;
  readonly #progress = new Progress();

  constructor(request: AlignRequest, { reusesPrefix, source, party }: SequenceOptions) {
    this.request = request;
    this.source = sourceOf(request, source);
    this.reusesPrefix = reusesPrefix;
    this.party = party;
  }

  get scope(): string {
    return this.request.reuseScope ?? '';
  }

  get priority(): number {
    return this.request.priority ?? 0;
  }

  get promptLength(): number {
    return this.request.ids.length;
  }

  get maxLength(): number {
    return this.promptLength;
  }

  /** Positions of the sound that are in its slot. */
  get encodedTokens(): number {
    return this.encoded && this.source !== undefined ? this.source.length : 0;
  }

  get started(): boolean {
    return this.#progress.started;
  }

  get reused(): number {
    return this.#progress.reused;
  }

  start(): void {
    this.#progress.start(this.encodedTokens);
  }

  complete(alignment: Alignment): void {
    this.finished = true;
    this.channel.complete(alignment);
  }

  fail(error: Error): void {
    this.finished = true;
    this.channel.end(error);
  }
}
