import type { KvasirError } from '#errors.js';
import type { Party } from '#fair-queue.js';
import type { EventChannel } from '../event-channel.js';
import type { WrittenText } from '../sampling/logits-rules.js';
import { needsCounts, TokenCounts } from '../sampling/penalties.js';
import type { Schedulable } from '../scheduler.js';
import type { GeneratedToken, GenerationRequest } from '../types.js';
import type { BeamGroup } from './beam-group.js';

/**
 * A slot's row of a beam search. The hypothesis that it holds changes: a child of the last one, or a copy of a
 * child of another row's.
 */
export class Beam implements Schedulable, WrittenText {
  readonly group: BeamGroup;
  /** Another list where the row gets another's hypothesis. */
  tokens: number[];
  /** Of the tokens, the generated ones. */
  written: GeneratedToken[];
  computed = 0;
  encoded = false;
  prefillLength: number;
  /** Nobody is told of a prompt's log-probabilities. */
  readonly promptReported = undefined;

  constructor(group: BeamGroup, tokens: number[], written: GeneratedToken[]) {
    this.group = group;
    this.tokens = tokens;
    this.written = written;
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

  get source(): readonly number[] | undefined {
    return this.request.sourceIds;
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
    this.tokens = [...this.request.promptIds];
    this.written = [];
    this.group.restart(this);
  }
}
