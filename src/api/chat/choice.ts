import type { OutputPart, OutputReader } from '#chat/output.js';
import type { FinishReason, GenerationEvent, TokenLogprobs } from '#engine/types.js';
import type { StructureConstraint } from '#structured/index.js';
import { tokenBytes } from '#text/token-bytes.js';
import type { Tokenizer } from '#text/types.js';
import { promptLogprobs, stopReasonOf, tokenNames, type PromptLogprobs } from '../generation/report.js';
import { finite } from '../generation/token-text.js';
import { areAsWanted } from './whole-calls.js';

/** Why a message ended, in OpenAI's words. */
export type ChatFinishReason = 'stop' | 'length' | 'tool_calls';

/** What one event adds to a message. */
export interface ChatPiece {
  readonly parts: readonly OutputPart[];
  /** Of the tokens; null where nobody asked. */
  readonly logprobs: ChatLogprobs | null;
  readonly finishReason: ChatFinishReason | null;
  /** See `stopReasonOf`. */
  readonly stopReason: string | number | null;
  /** Of the tokens, a stop token included; undefined where nobody asked. */
  readonly tokenIds: readonly number[] | undefined;
  /** Of the prompt's next tokens; undefined where nobody asked, or the event is not about the prompt. */
  readonly promptLogprobs: PromptLogprobs | undefined;
}

export interface TokenProbability {
  readonly token: string;
  readonly logprob: number;
  /** Of the token in UTF-8, which may be part of a character. */
  readonly bytes: number[] | null;
}
export interface ChatLogprobs {
  readonly content: (TokenProbability & { readonly top_logprobs: TokenProbability[] })[];
  readonly refusal: null;
}

export interface ChatChoiceOptions {
  readonly stopTokenIds: ReadonlySet<number>;
  readonly logprobs: boolean;
  /** Alternatives in a report of the prompt; undefined: none. */
  readonly promptLogprobs: number | undefined;
  /** Report token ids. */
  readonly tokenIds: boolean;
  /** Name tokens by their ids. */
  readonly tokensAsIds: boolean;
  /** The model's own stop tokens. */
  readonly eosIds: ReadonlySet<number>;
  /** Text that the message begins with. */
  readonly before: string | undefined;
  /** Whether a message with calls ends because of them. */
  readonly callsFinish: boolean;
  /** Where the message had to be calls: what its text is kept to. */
  readonly calls?: StructureConstraint | undefined;
}

/** What an event adds that says nothing of the message. */
const NOTHING: ChatPiece = {
  parts: [],
  logprobs: null,
  finishReason: null,
  stopReason: null,
  tokenIds: undefined,
  promptLogprobs: undefined,
};

/** Turns the events of one sequence into what OpenAI's chat completions say of it. */
export class ChatChoice {
  readonly #nameOf: (id: number) => string;
  readonly #bytesOf: (id: number) => Uint8Array | undefined;
  readonly #reader: OutputReader;
  readonly #options: ChatChoiceOptions;
  #tokens = 0;
  #cachedTokens = 0;
  #called = false;
  /** The text of calls that the message had to be. */
  #callsText = '';
  /** Parts that the next piece begins with. */
  #before: readonly OutputPart[];

  constructor(tokenizer: Tokenizer, reader: OutputReader, options: ChatChoiceOptions) {
    this.#nameOf = tokenNames(tokenizer, options.tokensAsIds);
    this.#bytesOf = tokenBytes(tokenizer);
    this.#reader = reader;
    this.#options = options;
    this.#before = options.before ? [{ type: 'text', text: options.before }] : [];
  }

  /** Tokens generated so far, one that ended the text included. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Prompt tokens that were in the cache already; known at the end. */
  get cachedTokens(): number {
    return this.#cachedTokens;
  }

  add(event: GenerationEvent): ChatPiece {
    const { promptLogprobs: top, tokenIds, eosIds } = this.#options;
    if (event.type === 'prompt') {
      const report = top === undefined ? undefined : promptLogprobs(event.logprobs, top, this.#nameOf);
      return { ...NOTHING, tokenIds: tokenIds ? [] : undefined, promptLogprobs: report };
    }
    const { text, tokens, finishReason, report } = event;
    const { calls } = this.#options;
    this.#tokens += tokens.length;
    this.#cachedTokens = report?.cachedTokens ?? this.#cachedTokens;
    if (calls !== undefined) this.#callsText += text;
    const parts = [...this.#before, ...this.#reader.push(text)];
    this.#before = [];
    if (finishReason !== undefined) parts.push(...this.#reader.end());
    this.#called ||= parts.some(({ type }) => type === 'call');
    return {
      ...NOTHING,
      parts,
      stopReason: stopReasonOf(event, eosIds),
      tokenIds: tokenIds ? tokens.map(({ id }) => id) : undefined,
      logprobs: this.#options.logprobs ? this.#logprobs(tokens) : null,
      finishReason: finishReason === undefined ? null : this.#reason(finishReason),
    };
  }

  #reason(reason: FinishReason): ChatFinishReason {
    if (reason === 'length' && !this.#isWhole()) return 'length';
    return this.#called && this.#options.callsFinish ? 'tool_calls' : 'stop';
  }

  /** Whether a message that had to be calls has them whole, though it was led to its end in time. */
  #isWhole(): boolean {
    const { calls } = this.#options;
    return calls?.complete === true && areAsWanted(this.#callsText, calls.steerings);
  }

  #logprobs(
    tokens: readonly { readonly id: number; readonly logprobs: TokenLogprobs | undefined }[],
  ): ChatLogprobs {
    return {
      content: tokens.flatMap(({ id, logprobs }) => {
        // A stop token is not part of the message.
        if (logprobs === undefined || this.#options.stopTokenIds.has(id)) return [];
        return [
          {
            ...this.#probability(logprobs),
            top_logprobs: logprobs.top.map(alternative => this.#probability(alternative)),
          },
        ];
      }),
      refusal: null,
    };
  }

  #probability({ id, logprob }: { readonly id: number; readonly logprob: number }): TokenProbability {
    const bytes = this.#bytesOf(id);
    return {
      token: this.#nameOf(id),
      logprob: finite(logprob),
      bytes: bytes === undefined ? null : [...bytes],
    };
  }
}
