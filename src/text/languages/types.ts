/** How a model that knows languages by codes is told of them. */
export interface LanguageCodes {
  /** The codes, as the model's tokenizer spells them: `en`, `eng_Latn`, `en_XX`. */
  readonly codes: readonly string[];
  /**
   * What stands around the tokens of a source, all special tokens included.
   *
   * @param source its language; undefined: the one that the tokenizer takes for granted.
   * @param target the language of what is to be written, where the source tells it.
   */
  sourceTokens(
    source?: string,
    target?: string,
  ): { readonly before: readonly number[]; readonly after: readonly number[] };
  /** What a text in a language begins with; undefined where the source tells the language. */
  forcedTarget(target: string): number | undefined;
}
