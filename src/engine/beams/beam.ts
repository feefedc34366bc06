import type { KvasirError } from '#errors.js';
import type { Party } from '#fair-queue.js';
import type { EventChannel } from '../event-channel.js';
import type { WrittenText } from '../sampling/logits-rules.js';
import { needsCounts, TokenCounts } from '../sampling/penalties.js';
import type { Schedulable } from '../scheduler.js';
import type { CachedSource } from '../source.js';
import type { GeneratedToken, GenerationRequest, TokenConstraint } from '../types.js';
import type { BeamGroup } from './beam-group.js';

/** What a row of a beam search has written. */
export interface Hypothetical {
  /** Of the prompt, then the generated ones. */
  tokens: number[];
  /** Of the tokens, the generated ones. */
  written: GeneratedToken[];
  /** Its own, in the state behind these tokens. */
  constraint: TokenConstraint | undefined;
}

/**
 * A slot's row of a beam search. The hypothesis that it holds changes: a child of the last one, or a copy of a
 * child of another row's.
 */
export class Beam implements Schedulable, WrittenText, Hypothetical {
  readonly group: BeamGroup;
  /** Another list where the row gets another's hypothesis. */
  tokens: number[];
  written: GeneratedToken[];
  constraint: TokenConstraint | undefined;
  computed = 0;
  encoded = false;
  prefillLength: number;
  /** Nobody is told of a prompt's log-probabilities. */
  readonly promptReported = undefined;

  constructor(group: BeamGroup, { tokens, written, constraint }: Hypothetical) {
    this.group = group;
    this.tokens = tokens;
    this.written = written;
    this.constraint = constraint;
    this.prefillLength = this.promptLength;
  }

  get request(): GenerationRequest {
    return this.group.request;
  }

  get channel(): EventChannel {
    return this.group.channel;
  }

  get scope(): string {
    return this.request.reuseScope ?? '';
  }

  get source(): CachedSource | undefined {
    return this.group.source;
  }

  get keys(): readonly number[] {
    return this.tokens;
  }

  get promptLength(): number {
    return this.request.promptIds.length;
  }

  get prefillable(): number {
    return this.promptLength;
  }

  get maxLength(): number {
    return this.group.maxLength;
  }

  get reusesPrefix(): boolean {
    return this.group.reusesPrefix;
  }

  get reusable(): number {
    // A prompt whose chunks differ cannot go on from another's.
    return this.group.chunkInvariant ? (this.watchedLength ?? this.tokens.length) - 1 : 0;
  }

  /** Tokens of the prompt up to the one behind which others are watched; undefined: none is, or no more. */
  get watchedLength(): number | undefined {
    const { watch } = this.request;
    return watch === undefined || this.watched !== undefined ? undefined : watch.position + 1;
  }

  get pausesAt(): number | undefined {
    return this.group.chunkInvariant ? this.watchedLength : undefined;
  }

  /** What the request watches, once it is known. */
  get watched(): Float32Array | undefined {
    return this.group.watched;
  }

  set watched(logprobs: Float32Array | undefined) {
    this.group.watched = logprobs;
  }

  get priority(): number {
    return this.request.priority ?? 0;
  }

  get party(): Party {
    return this.group.party;
  }

  get width(): number {
    return this.group.widthOf(this);
  }

  get generated(): number {
    return this.written.length;
  }

  get remaining(): number {
    return this.maxLength - this.tokens.length;
  }

  get counts(): TokenCounts | undefined {
    if (!needsCounts(this.request.sampling)) return undefined;
    const counts = new TokenCounts(this.request.promptIds);
    for (const { id } of this.written) counts.add(id);
    return counts;
  }

  /** Tokens of the source that have a place in its slot. */
  get encodedTokens(): number {
    return this.encoded && this.source !== undefined ? this.source.length : 0;
  }

  get cancelled(): KvasirError | undefined {
    return this.group.cancelled;
  }

  set cancelled(error: KvasirError | undefined) {
    this.group.cancelled = error;
  }

  get finished(): boolean {
    return this.group.finished;
  }

  get started(): boolean {
    return this.group.progress.started;
  }

  get reused(): number {
    return this.group.progress.reused;
  }

  start(): void {
    this.group.progress.start(this.encodedTokens + this.computed);
  }

  fail(error: Error): void {
    this.group.fail(error);
  }

  /** Begins the search again, as the only row: what the others held is gone. */
  preempted(): void {
    Object.assign(this, this.group.beginning());
    this.group.restart(this);
  }
}
