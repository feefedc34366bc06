/** UTF-16 units `[start, end)` of a text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The part of a text that a token stands for. */
export interface TokenOrigin extends Span {
  /** 0: the text; 1: the second text of a pair. */
  readonly text: 0 | 1;
}

/** An encoded text or pair of texts. The arrays have one entry per token. */
export interface Encoding {
  readonly ids: readonly number[];
  /** Segment of each token, 0 or 1, as the tokenizer's post-processor gives it. */
  readonly typeIds: readonly number[];
  /**
   * Undefined for the special tokens that the post-processor added. Spans begin and end at characters, never
   * go back within a text, and have no white space at their ends (unless the token is nothing else); tokens
   * that share a character share its span.
   */
  readonly origins: readonly (TokenOrigin | undefined)[];
}

/** Text to token ids and back, for one model. Ids are integers in `[0, vocabularySize)`. */
export interface Tokenizer {
  /** Number of ids, added tokens included. */
  readonly vocabularySize: number;
  /** Ids that the tokenizer marks as special (never part of readable text). */
  readonly specialIds: ReadonlySet<number>;
  /**
   * Whether its own rules may take for ever on a short text, or make a long one of it; default false. See
   * `mayExplode`.
   */
  readonly mayExplode?: boolean;
  /** The token that stands for a hidden one (`mask_token`), if there is one. */
  readonly maskId: number | undefined;
  /** Prefix of tokens that continue a word (WordPiece: `##`); undefined if the vocabulary has none. */
  readonly continuationPrefix: string | undefined;
  /**
   * @param addSpecialTokens whether the tokenizer's post-processor may add its own (BOS, `[CLS]`, ...);
   * default true.
   */
  encode(text: string, options?: { addSpecialTokens?: boolean }): number[];
  /**
   * Encodes a text, or a pair of texts, as encoders take them, with the tokenizer's special tokens (`[CLS] a
   * [SEP] b [SEP]`), and tells where each token comes from. The ids of a single text are those of {@link
   * encode}.
   */
  encodeWithOffsets(text: string, pair?: string): Encoding;
  /** @param skipSpecialTokens whether special tokens are left out of the text; default true. */
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): string;
  /** The vocabulary's own spelling of an id, such as `Ġhello` or `<0x0A>`; undefined for an unknown id. */
  token(id: number): string | undefined;
  /** The id of a vocabulary entry, or undefined. */
  id(token: string): number | undefined;
}
