import type { SoundSource } from '#model/decoder/contract.js';
import type { BeamParameters, Hypothesis } from './beams/types.js';

/** How the next token is drawn from the logits of one position. */
export interface SamplingParameters {
  /** `[0, 2]`; 0 takes the most probable token. */
  readonly temperature: number;
  /** Keep the k most probable tokens; 0 keeps all. */
  readonly topK: number;
  /**
   * `[0, 1]`: keep the smallest set of most probable tokens whose probability reaches this, at least one
   * (Holtzman et al. 2020).
   */
  readonly topP: number;
  /** `[0, 1]`: drop tokens less probable than this share of the most probable one (Nguyen et al. 2024). */
  readonly minP: number;
  /**
   * `> 0`; 1 is off. Divides positive and multiplies negative logits of tokens seen in prompt or output
   * (CTRL, Keskar et al. 2019).
   */
  readonly repetitionPenalty: number;
  /** `[-2, 2]`; subtracted once from the logit of every token already generated (OpenAI). */
  readonly presencePenalty: number;
  /** `[-2, 2]`; subtracted per occurrence from the logit of every token already generated (OpenAI). */
  readonly frequencyPenalty: number;
  /** Added to the logits of these ids, `[-100, 100]`. */
  readonly logitBias: ReadonlyMap<number, number>;
  /** Only these ids are drawn, at least one; undefined: all. Not together with a constraint. */
  readonly allowedIds?: readonly number[] | undefined;
  /**
   * Sequences of ids, none empty, that the generated tokens never contain: the last id of one is not drawn
   * where the others have just been generated, unless nothing else is left to draw. With a source, the prompt's
   * tokens count as generated.
   */
  readonly bannedSequences?: readonly (readonly number[])[] | undefined;
  /** No sequence of so many tokens comes twice in prompt and output together; 0 or undefined: any may. */
  readonly noRepeatNgram?: number | undefined;
  /** No sequence of so many tokens of the source comes in the output; 0 or undefined: any may. */
  readonly sourceNoRepeatNgram?: number | undefined;
  /**
   * `> 0`; 1 or undefined is off. Multiplies positive and divides negative logits of the source's tokens, so
   * that above 1 what is written keeps to the source.
   */
  readonly sourceRepetitionPenalty?: number | undefined;
  /**
   * The token behind a prompt of one token, which is what a decoder begins with, is this one; a constraint is
   * not asked about it.
   */
  readonly forcedFirstId?: number | undefined;
  /**
   * The last token that `maxTokens` or the context lets through is one of these, where nothing has ended the
   * sequence before. Not with a constraint, which comes to its own end.
   */
  readonly forcedLastIds?: readonly number[] | undefined;
  /** Never drawn, unless nothing else is left to draw. */
  readonly suppressedIds?: readonly number[] | undefined;
  /** Not drawn as the first token that is not forced. */
  readonly suppressedFirstIds?: readonly number[] | undefined;
  /**
   * Of beams: what these rules leave is a distribution again when hypotheses are compared, as if the model had
   * known of them; default false.
   */
  readonly normalizesScores?: boolean | undefined;
  /**
   * `[-2^63, 2^63)`. The same seed and request give the same text, whatever else is in the batch or in the
   * cache. Undefined: drawn at random.
   */
  readonly seed: number | bigint | undefined;
}

/** When a sequence ends. */
export interface StopConditions {
  /** At most this many tokens are generated; at least 1. */
  readonly maxTokens: number;
  /** Neither stop tokens nor stop strings end the sequence within this many tokens; 0 is off. */
  readonly minTokens: number;
  /** Ids that end the sequence and are not part of its text (the model's EOS ids and the request's own). */
  readonly stopTokenIds: ReadonlySet<number>;
  /** Strings that end the sequence. */
  readonly stopStrings: readonly string[];
  /** Whether the stop string stays at the end of the text. */
  readonly includeStopString: boolean;
}

/** What a sequence's text must look like, token by token. It belongs to one sequence and has state. */
export interface TokenConstraint {
  /**
   * Sets the logits of all tokens that must not come next to -Infinity. Something always remains: a stop
   * token only where the text may end.
   *
   * @param logits `[vocabulary]`
   * @param remaining tokens that may still come, this one included; the text is brought to its end within
   * them where that is possible.
   */
  mask(logits: Float32Array, stopTokenIds: ReadonlySet<number>, remaining: number): void;
  /** Notes the token that was drawn; never a stop token. */
  accept(id: number): void;
  /** Whether the text is whole and nothing can follow: the sequence ends, without a stop token. */
  readonly complete: boolean;
  /** Whether the text was brought to its end sooner than the model would have. */
  readonly shortened: boolean;
  /**
   * Of constraints that go with beams: one in the same state, which goes its own way from here. Their texts end at
   * stop tokens alone, whatever {@link complete} says.
   */
  fork?(): TokenConstraint;
}

/** One sequence to generate. */
export interface GenerationRequest {
  /** For logs; unique among running requests. */
  readonly id: string;
  /** At least one id, each in `[0, vocabularySize)`. */
  readonly promptIds: readonly number[];
  /**
   * Ids of the source, for a decoder that attends to one, and for no other; `promptIds` are then what its own
   * text begins with. At least one id, each in the vocabulary of sources.
   */
  readonly sourceIds?: readonly number[] | undefined;
  /**
   * In place of {@link sourceIds}, for a decoder that hears: features of its {@link SourceTraits.sound}. While a slot
   * still has a window, requests of the same key and scope start from it, and it is not encoded again.
   */
  readonly sound?: SoundSource | undefined;
  /** Log-probabilities that are wanted of certain tokens at one place of the prompt. */
  readonly watch?: PromptWatch | undefined;
  /** Whether the report is to tell {@link SequenceReport.score}. Not with beams, whose hypotheses have theirs. */
  readonly scored?: boolean | undefined;
  /**
   * With beams, what is drawn by chance plays no part: `temperature`, `topK`, `topP`, `minP` and `seed`. The
   * others change the log-probabilities by which hypotheses are compared.
   */
  readonly sampling: SamplingParameters;
  readonly stop: StopConditions;
  /**
   * Beam search in place of drawing one token after the other. Not together with stop strings, `promptLogprobs`
   * or a constraint without {@link TokenConstraint.fork}.
   */
  readonly beams?: BeamParameters | undefined;
  /** Report the log-probability of each generated token and of this many alternatives; undefined: none. */
  readonly logprobs: number | undefined;
  /** The same for each prompt token but the first, which nothing precedes. */
  readonly promptLogprobs: number | undefined;
  /** Smaller comes first when requests wait for a slot; 0 where it is left out. */
  readonly priority?: number;
  /** Whose share of the slots it takes: clients take turns. '' where it is left out. */
  readonly client?: string;
  /**
   * Who may share what the cache has of a prompt: it starts from what requests of the same scope left there,
   * and from nothing else. Any text, such as a client's name or a salt; '' where it is left out.
   */
  readonly reuseScope?: string;
  /** Nothing else is generated, whatever the sampling parameters say; not together with stop strings. */
  readonly constraint?: TokenConstraint | undefined;
  /** Special tokens that have their spelling as text, such as the marker of a call; others have none. */
  readonly spelledIds?: ReadonlySet<number> | undefined;
  /** Whether special tokens are left out of the text; default true. A stop token never has text. */
  readonly skipSpecialTokens?: boolean;
}

/** Tokens whose log-probabilities are wanted behind a token of the prompt. */
export interface PromptWatch {
  /** Index of that token in `promptIds`. */
  readonly position: number;
  readonly ids: readonly number[];
}

/** A text that is to be held against its sound once more. */
export interface AlignRequest {
  /** For logs; unique among running requests. */
  readonly id: string;
  /** See {@link GenerationRequest.sound}. */
  readonly sound: SoundSource;
  /** At least one id, and no more than the context takes; in the vocabulary. */
  readonly ids: readonly number[];
  /** Probabilities are of ids below this alone, `[1, vocabularySize]`. */
  readonly belowId: number;
  readonly client?: string;
  readonly priority?: number;
  readonly reuseScope?: string;
}

/** Where a text is heard in its sound. */
export interface Alignment {
  readonly heads: number;
  /** `[heads, ids, positions of the source]`; each row sums to 1. */
  readonly weights: Float32Array;
  /** Of each id but the first, given those before it, `[ids - 1]`; 0 for ids that are not below `belowId`. */
  readonly probabilities: Float32Array;
}

/** The log-probability of a token at its position, with the most probable alternatives, best first. */
export interface TokenLogprobs {
  readonly id: number;
  /** Natural logarithm, of the model's own distribution (before temperature, penalties and truncation). */
  readonly logprob: number;
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
  /** How many tokens are at least as probable, itself included: 1 is the most probable. Of prompts only. */
  readonly rank?: number;
}

/** A generated token. */
export interface GeneratedToken {
  readonly id: number;
  readonly logprobs: TokenLogprobs | undefined;
}

/**
 * `stop`: a stop token or string, or a constraint that is fulfilled; `length`: maxTokens or the end of the
 * context.
 */
export type FinishReason = 'stop' | 'length';

/**
 * What a stream of one sequence yields: zero or more `prompt` (with promptLogprobs only) then `delta`s, of
 * which the last has a finish reason. Of a request with beams: one `delta`, at the end.
 */
export type GenerationEvent =
  | {
      readonly type: 'prompt';
      /** One entry for each of the prompt's next tokens; that of the first one is undefined. */
      readonly logprobs: readonly (TokenLogprobs | undefined)[];
    }
  | {
      readonly type: 'delta';
      /** Text that is certain: never half a character, never the beginning of a stop string. */
      readonly text: string;
      /** The tokens whose text this delta completes (a stop token included: it has no text). */
      readonly tokens: readonly GeneratedToken[];
      readonly finishReason: FinishReason | undefined;
      /** The stop string, or the id of the stop token, that ended the sequence, if one did. */
      readonly stopReason?: string | number | undefined;
      /** With the finish reason only. */
      readonly report?: SequenceReport;
      /**
       * With beams: the best first, whose text and tokens are the delta's own. As many as were wanted, or
       * fewer where bans and forced tokens leave no more to write.
       */
      readonly hypotheses?: readonly Hypothesis[];
    };

/** What a sequence took. */
export interface SequenceReport {
  readonly promptTokens: number;
  /** Tokens of the source, or positions that its sound takes; 0 where there is none. */
  readonly sourceTokens: number;
  /** Tokens of source and prompt whose keys and values were in the cache already. */
  readonly cachedTokens: number;
  /** With beams: of all hypotheses that are told. */
  readonly generatedTokens: number;
  /** Milliseconds in the waiting line, then until the first token, then until the end. */
  readonly queueMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
  /**
   * Where the request wants it: the sum of the log-probabilities of all generated tokens, a stop token included,
   * as penalties, bans and the constraint left them, before temperature.
   */
  readonly score?: number | undefined;
  /** Log-probabilities of {@link PromptWatch.ids}, of the model's own distribution. */
  readonly watched?: Float32Array | undefined;
}

/** What a front end needs of the engine. */
export interface GenerationEngine {
  /** Prompt and generated tokens together never exceed this. */
  readonly contextLength: number;
  /** Longest source, in tokens or positions of sound; undefined: its decoder attends to none. */
  readonly sourceLength?: number | undefined;
  /** Rows that can run at once. */
  readonly slots: number;
  /**
   * Starts sequences of one client at once (not at the first `next()`): all of them, or none. They take turns
   * with the client's other calls. Leaving the loop over one frees its slot within a step; aborting the signal does it
   * for all.
   *
   * @returns in the order of the requests.
   * @throws KvasirError `invalid_request`, `context_length_exceeded`, `queue_full`, `shutting_down`
   * synchronously; `cancelled`, `runtime_failure` or `broken_model` from an iterator.
   */
  generateAll(
    requests: readonly GenerationRequest[],
    signal?: AbortSignal,
  ): readonly AsyncIterable<GenerationEvent>[];
  /** {@link generateAll} of one. */
  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<GenerationEvent>;
  /**
   * Of an engine that hears, and whose model tells where: holds a text against its sound, which waits for its turn and
   * has a slot as a sequence does, for one step. The slot keeps the sound.
   *
   * @throws KvasirError all that {@link generateAll} and its iterators do, always by the promise.
   */
  align?(request: AlignRequest, signal?: AbortSignal): Promise<Alignment>;
  /**
   * Tells before any other work for them whether so many sequences of a client could start together: in free
   * slots, and in what the waiting line has left, see {@link Places}.
   *
   * @param param the field that says how many; default `n`.
   * @throws KvasirError `queue_full`; `invalid_request` where there will never be so many places.
   */
  checkRoom(count: number, client?: string, param?: string): void;
  /** Counts at this moment. */
  stats(): EngineStats;
  /** What each slot holds at this moment, in the slots' order. */
  occupancy(): readonly SlotOccupancy[];
  /** Refuses new requests, ends the running ones with `shutting_down`, and frees the model. */
  close(): Promise<void>;
}

/** What a slot of the KV cache holds. */
export interface SlotOccupancy {
  /**
   * `running`: a sequence has it; `kept`: one that ended left its tokens there, for prompts that begin alike;
   * `empty`.
   */
  readonly state: 'running' | 'kept' | 'empty';
  /** Filled positions, those of its source included. */
  readonly tokens: number;
}

export interface EngineStats {
  /** Sequences that hold a slot. */
  readonly running: number;
  /** Sequences that wait for one. */
  readonly waiting: number;
  readonly slots: number;
  /** Tokens in the KV cache, those that finished sequences left included. */
  readonly cachedTokens: number;
  /** Those of them that sequences with a slot hold. */
  readonly activeTokens: number;
  /** Tokens that the KV cache may hold. */
  readonly cacheCapacity: number;
  /**
   * Counts since the start; tokens of sources are counted as those of prompts, as are the positions that sound takes,
   * and texts that are held against it.
   */
  readonly promptTokens: number;
  readonly reusedPromptTokens: number;
  readonly generatedTokens: number;
  readonly preemptions: number;
  /** Tokens that were drafted, and those of them that were right. */
  readonly draftedTokens: number;
  readonly acceptedTokens: number;
}
