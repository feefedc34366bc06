/** Text to token ids and back, for one model. Ids are integers in `[0, vocabularySize)`. */
export interface Tokenizer {
  /** Number of ids, added tokens included. */
  readonly vocabularySize: number;
  /** Ids that the tokenizer marks as special (never part of readable text). */
  readonly specialIds: ReadonlySet<number>;
  /**
   * @param addSpecialTokens whether the tokenizer's post-processor may add its own (BOS, `[CLS]`, ...); default true.
   */
  encode(text: string, options?: { addSpecialTokens?: boolean }): number[];
  /** @param skipSpecialTokens whether special tokens are left out of the text; default true. */
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): string;
  /** The vocabulary's own spelling of an id, such as `Ġhello` or `<0x0A>`; undefined for an unknown id. */
  token(id: number): string | undefined;
  /** The id of a vocabulary entry, or undefined. */
  id(token: string): number | undefined;
}
