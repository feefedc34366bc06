import type { KvasirError } from '../errors.js';
import { EventChannel } from './event-channel.js';
import { needsCounts, TokenCounts } from './penalties.js';
import { seededRandom, type Random } from './random.js';
import type { OutputText } from '../text/output-text.js';
import type { GeneratedToken, GenerationRequest, TokenLogprobs } from './types.js';

/** One request's state in the engine. */
export class Sequence {
  readonly request: GenerationRequest;
  /** Prompt, then what was generated. */
  readonly tokens: number[];
  readonly promptLength: number;
  /** How many of `tokens` have their keys and values in the cache. */
  cached = 0;
  /** Set when the reader left or the request was taken back; the sequence leaves at the next step. */
  cancelled: KvasirError | undefined;
  finished = false;
  readonly random: Random;
  readonly counts: TokenCounts | undefined;
  readonly output: OutputText;
  readonly channel: EventChannel;
  /** Generated tokens whose text has not been emitted yet. */
  readonly held: GeneratedToken[] = [];
  /** Log-probabilities of the prompt's tokens, as far as it was prefilled, where they were asked for. */
  readonly promptLogprobs: (TokenLogprobs | undefined)[] | undefined;

  constructor(request: GenerationRequest, output: OutputText, onAbandon: (sequence: Sequence) => void) {
    this.request = request;
    this.tokens = [...request.promptIds];
    this.promptLength = this.tokens.length;
    this.output = output;
    this.random = seededRandom(request.sampling.seed ?? Math.floor(Math.random() * 2 ** 53));
    this.counts = needsCounts(request.sampling) ? new TokenCounts(request.promptIds) : undefined;
    this.promptLogprobs = request.promptLogprobs === undefined ? undefined : [undefined];
    this.channel = new EventChannel(() => onAbandon(this));
  }

  /** How many tokens were generated. */
  get generated(): number {
    return this.tokens.length - this.promptLength;
  }

  /** Whether all tokens but the last generated one are cached: a decode run takes just that one. */
  get decoding(): boolean {
    return this.cached >= this.promptLength;
  }
}
