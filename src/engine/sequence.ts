import { randomBytes } from 'node:crypto';
import type { KvasirError } from '#errors.js';
import type { Party } from '#fair-queue.js';
import type { SourceTraits } from '#model/decoder/contract.js';
import type { OutputText } from '#text/output-text.js';
import { EventChannel } from './event-channel.js';
import { Progress } from './progress.js';
import { isForcedFirst } from './sampling/logits-rules.js';
import { needsCounts, TokenCounts } from './sampling/penalties.js';
import { Noise } from './sampling/noise.js';
import type { DrawnToken } from './sampling/next-token.js';
import type { Schedulable } from './scheduler.js';
import { sourceOf, type CachedSource } from './source.js';
import type {
  FinishReason,
  GeneratedToken,
  GenerationRequest,
  TokenConstraint,
  TokenLogprobs,
} from './types.js';

/** What an engine lets its sequences do. */
export interface SequenceOptions {
  /** Longest sequence that the model takes, in tokens. */
  readonly contextLength: number;
  /** Whether it may start from what is in the cache already. */
  readonly reusesPrefix: boolean;
  /**
   * See {@link DecoderTraits.chunkInvariant}; otherwise its own tokens are decoded once more where it lost
   * its slot, not prefilled.
   */
  readonly chunkInvariant: boolean;
  /** Of a decoder that attends to sources. */
  readonly source: SourceTraits | undefined;
  /** See {@link Queued}. */
  readonly party: Party;
}

/** One request's state in the engine. */
export class Sequence implements Schedulable {
  readonly request: GenerationRequest;
  readonly tokens: number[];
  readonly scope: string;
  readonly source: CachedSource | undefined;
  readonly promptLength: number;
  readonly maxLength: number;
  readonly reusesPrefix: boolean;
  readonly priority: number;
  readonly party: Party;
  computed = 0;
  encoded = false;
  prefillLength: number;
  /** Set when the reader left or the request was taken back; the sequence leaves at the next step. */
  cancelled: KvasirError | undefined;
  finished = false;
  readonly noise: Noise;
  readonly counts: TokenCounts | undefined;
  readonly channel: EventChannel;
  /** Prompt tokens whose log-probabilities were reported; undefined where nobody waits for any (more). */
  promptReported: number | undefined;
  /** What the request watches, once it is known. */
  watched: Float32Array | undefined;
  readonly #output: OutputText;
  readonly #chunkInvariant: boolean;
  /** Generated tokens whose text has not been emitted yet. */
  readonly #held: GeneratedToken[] = [];
  /** How many of these have all their text shown by what was or will be emitted next. */
  #shown = 0;
  /** Sum of what its tokens' scores are. */
  #score = 0;
  readonly #progress = new Progress();

  /** @param onAbandon called when the reader leaves before the end. */
  constructor(
    request: GenerationRequest,
    output: OutputText,
    { contextLength, reusesPrefix, chunkInvariant, source, party }: SequenceOptions,
    onAbandon: (sequence: Sequence) => void,
  ) {
    const { promptIds, sampling, stop, promptLogprobs, priority } = request;
    this.request = request;
    this.tokens = [...promptIds];
    this.scope = request.reuseScope ?? '';
    this.source = sourceOf(request, source);
    this.promptLength = promptIds.length;
    this.prefillLength = promptIds.length;
    this.maxLength = Math.min(promptIds.length + stop.maxTokens, contextLength);
    this.promptReported = promptLogprobs === undefined ? undefined : 0;
    this.reusesPrefix = reusesPrefix;
    this.#chunkInvariant = chunkInvariant;
    this.priority = priority ?? 0;
    this.party = party;
    this.#output = output;
    this.noise = new Noise(sampling.seed ?? randomBytes(8).readBigUInt64LE());
    this.counts = needsCounts(sampling) ? new TokenCounts(promptIds) : undefined;
    this.channel = new EventChannel(() => onAbandon(this));
  }

  /** There is nothing but text: tokens stand for themselves. */
  get keys(): readonly number[] {
    return this.tokens;
  }

  get prefillable(): number {
    return this.#chunkInvariant ? this.tokens.length : this.promptLength;
  }

  get reusable(): number {
    // A token whose keys and values are there already has no logits. Nor can a prompt whose chunks differ go
    // on from another's.
    if (!this.#chunkInvariant || this.request.promptLogprobs !== undefined) return 0;
    return (this.watchedLength ?? this.tokens.length) - 1;
  }

  /** Tokens of the prompt up to the one behind which others are watched; undefined: none is, or no more. */
  get watchedLength(): number | undefined {
    const { watch } = this.request;
    return watch === undefined || this.watched !== undefined ? undefined : watch.position + 1;
  }

  get pausesAt(): number | undefined {
    return this.#chunkInvariant ? this.watchedLength : undefined;
  }

  get constraint(): TokenConstraint | undefined {
    return this.request.constraint;
  }

  /** How many tokens were generated. */
  get generated(): number {
    return this.tokens.length - this.promptLength;
  }

  /** How many more may be generated. */
  get remaining(): number {
    return this.maxLength - this.tokens.length;
  }

  /** Tokens of the source that have a place in its slot. */
  get encodedTokens(): number {
    return this.encoded && this.source !== undefined ? this.source.length : 0;
  }

  /** Tokens of source and prompt that were in the cache already when the sequence first got a slot. */
  get reused(): number {
    return this.#progress.reused;
  }

  get started(): boolean {
    return this.#progress.started;
  }

  /** Notes the first run, before it. */
  start(): void {
    this.#progress.start(this.encodedTokens + this.computed);
  }

  /** Adds a token, emits the text that it makes certain, and ends the sequence where that is due. */
  append({ id, logprobs, score = 0 }: DrawnToken): void {
    const { sampling, stop, constraint } = this.request;
    const isForced = isForcedFirst(sampling, this.tokens.length);
    this.tokens.push(id);
    this.#progress.gotToken();
    this.counts?.add(id);
    this.#score += score;
    this.#held.push({ id, logprobs });
    const isEnd = stop.stopTokenIds.has(id);
    if (!isEnd && !isForced) constraint?.accept(id);
    const { text, stopped, tokens } = isEnd
      ? { text: this.#output.flush(), stopped: true, tokens: 0 }
      : this.#output.push(id, this.generated > stop.minTokens);
    this.#shown += tokens;
    const isWhole = stopped || (constraint?.complete ?? false);
    if (isWhole || this.remaining <= 0)
      this.#finish(
        stopped ? text : text + this.#output.flush(),
        isWhole && !constraint?.shortened ? 'stop' : 'length',
        isEnd ? id : this.#output.stopString,
      );
    else if (text !== '') this.#emit(text);
  }

  /** Tells the log-probabilities of the prompt's next tokens. */
  reportPrompt(logprobs: readonly (TokenLogprobs | undefined)[]): void {
    this.channel.push({ type: 'prompt', logprobs });
    const reported = this.promptReported! + logprobs.length;
    this.promptReported = reported < this.promptLength ? reported : undefined;
  }

  /** Ends the sequence by an error, unless it has ended. */
  fail(error: Error): void {
    if (this.finished) return;
    this.finished = true;
    this.channel.end(error);
  }

  #emit(text: string): void {
    const tokens = this.#held.splice(0, this.#shown);
    this.#shown = 0;
    this.channel.push({ type: 'delta', text, tokens, finishReason: undefined });
  }

  #finish(text: string, finishReason: FinishReason, stopReason: string | number | undefined): void {
    this.finished = true;
    const tokens = this.#held.splice(0);
    const report = this.#progress.report({
      promptTokens: this.promptLength,
      sourceTokens: this.source?.length ?? 0,
      generatedTokens: this.generated,
      score: this.request.scored ? this.#score : undefined,
      watched: this.watched,
    });
    this.channel.push({
      type: 'delta',
      text,
      tokens,
      finishReason,
      ...(stopReason !== undefined && { stopReason }),
      report,
    });
    this.channel.end();
  }
}
