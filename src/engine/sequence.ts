import type { KvasirError } from '#errors.js';
import type { OutputText } from '#text/output-text.js';
import { EventChannel } from './event-channel.js';
import { needsCounts, TokenCounts } from './sampling/penalties.js';
import { seededRandom, type Random } from './sampling/random.js';
import type { Schedulable } from './scheduler.js';
import type { GeneratedToken, GenerationRequest, SequenceReport, TokenLogprobs } from './types.js';

/** One request's state in the engine. */
export class Sequence implements Schedulable {
  readonly request: GenerationRequest;
  readonly tokens: number[];
  readonly promptLength: number;
  readonly maxLength: number;
  readonly reusesPrefix: boolean;
  readonly priority: number;
  cached = 0;
  prefillLength: number;
  /** Set when the reader left or the request was taken back; the sequence leaves at the next step. */
  cancelled: KvasirError | undefined;
  finished = false;
  readonly random: Random;
  readonly counts: TokenCounts | undefined;
  readonly output: OutputText;
  readonly channel: EventChannel;
  /** Generated tokens whose text has not been emitted yet. */
  readonly held: GeneratedToken[] = [];
  /** How many of these have all their text shown by what was or will be emitted next. */
  shown = 0;
  /** Log-probabilities of the prompt's tokens, as far as it was prefilled; undefined where nobody waits for them (any more). */
  promptLogprobs: (TokenLogprobs | undefined)[] | undefined;
  readonly #redecodes: boolean;
  readonly #added = performance.now();
  #started: number | undefined;
  #firstToken: number | undefined;
  #reused = 0;

  /**
   * @param contextLength longest sequence that the model takes.
   * @param reusesPrefix whether it may start from what is in the cache already.
   * @param redecodes whether its own tokens are decoded once more where it lost its slot, rather than prefilled with the prompt.
   * @param onAbandon called when the reader leaves before the end.
   */
  constructor(
    request: GenerationRequest,
    output: OutputText,
    contextLength: number,
    { reusesPrefix, redecodes }: { readonly reusesPrefix: boolean; readonly redecodes: boolean },
    onAbandon: (sequence: Sequence) => void,
  ) {
    const { promptIds, sampling, stop, promptLogprobs, priority } = request;
    this.request = request;
    this.tokens = [...promptIds];
    this.promptLength = promptIds.length;
    this.prefillLength = promptIds.length;
    this.maxLength = Math.min(promptIds.length + stop.maxTokens, contextLength);
    this.promptLogprobs = promptLogprobs === undefined ? undefined : [undefined];
    // A token whose keys and values are there already has no logits.
    this.reusesPrefix = reusesPrefix && promptLogprobs === undefined;
    this.#redecodes = redecodes;
    this.priority = priority ?? 0;
    this.output = output;
    this.random = seededRandom(sampling.seed ?? Math.floor(Math.random() * 2 ** 53));
    this.counts = needsCounts(sampling) ? new TokenCounts(promptIds) : undefined;
    this.channel = new EventChannel(() => onAbandon(this));
  }

  get prefillable(): number {
    return this.#redecodes ? this.promptLength : this.tokens.length;
  }

  /** How many tokens were generated. */
  get generated(): number {
    return this.tokens.length - this.promptLength;
  }

  /** Prompt tokens that were in the cache already when the sequence first got a slot. */
  get reused(): number {
    return this.#reused;
  }

  get started(): boolean {
    return this.#started !== undefined;
  }

  /** Notes the first run. */
  start(): void {
    this.#started = performance.now();
    this.#reused = this.cached;
  }

  /** Notes the first token. */
  markToken(): void {
    this.#firstToken ??= performance.now();
  }

  report(): SequenceReport {
    const started = this.#started ?? this.#added;
    const firstToken = this.#firstToken ?? started;
    return {
      promptTokens: this.promptLength,
      cachedTokens: this.#reused,
      generatedTokens: this.generated,
      queueMs: started - this.#added,
      prefillMs: firstToken - started,
      decodeMs: performance.now() - firstToken,
    };
  }
}
