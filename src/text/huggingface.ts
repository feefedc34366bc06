import * as library from '@huggingface/tokenizers';

/**
 * The parts of `@huggingface/tokenizers` that are used here. The library's own declarations import each other
 * without file extensions, so most of them do not resolve for an ECMAScript module.
 */
export interface HuggingFaceTokenizer {
  readonly normalizer: Normalizer | null;
  readonly pre_tokenizer: PreTokenizer | null;
  readonly model: Model;
  readonly post_processor: PostProcessor | null;
  readonly added_tokens: readonly AddedToken[];
  /** Find added tokens in a text as it is, and in a normalized one. */
  readonly splitter_unnormalized: Splitter;
  readonly splitter_normalized: Splitter;
  encode(
    text: string,
    options?: { text_pair?: string | null; add_special_tokens?: boolean },
  ): {
    /** Undefined for a token that is not in a vocabulary without an unknown token. */
    readonly ids: (number | undefined)[];
  };
  decode(ids: readonly number[], options?: { clean_up_tokenization_spaces?: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_added_tokens_decoder(): Map<number, AddedToken>;
}

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** The token includes white space before it, or after it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly special: boolean;
  /** The token is none within a word. */
  readonly single_word: boolean;
  /** True if the token is searched for in the normalized text. */
  readonly normalized: boolean;
}

/** Cuts a text at all that it looks for. */
export interface Splitter {
  split: (text: string) => string[];
}

export interface Normalizer {
  normalize: (text: string) => string;
  /** Of BERT's: puts spaces around ideographs. */
  tokenize_chinese_chars?: (text: string) => string;
}
export interface SequenceNormalizer extends Normalizer {
  readonly normalizers: readonly (Normalizer | null)[];
}
export interface StripNormalizer extends Normalizer {
  readonly config: { readonly strip_left?: boolean; readonly strip_right?: boolean };
}
export interface PrependNormalizer extends Normalizer {
  readonly config: { readonly prepend: string };
}
export interface ReplaceNormalizer extends Normalizer {
  readonly pattern: RegExp | null;
  readonly config: { readonly content?: string };
}

export interface PrecompiledNormalizer extends Normalizer {
  /** In base64. */
  readonly charsmap: unknown;
}

export interface PreTokenizer {
  /** Of one that splits at a pattern. */
  readonly pattern?: RegExp | null;
  pre_tokenize_text: (text: string) => string[];
  pre_tokenize(text: string, options: { section_index: number }): string[];
}
export interface SequencePreTokenizer extends PreTokenizer {
  readonly tokenizers: readonly (PreTokenizer | null)[];
}

export interface Model {
  /** Splits words into tokens. */
  (words: readonly string[]): string[];
  readonly vocab: readonly string[];
  readonly tokens_to_ids: ReadonlyMap<string, number>;
  unk_token?: string | null;
  unk_token_id?: number | undefined;
  /** What calling it does: {@link encode}, and runs of unknown tokens as one. */
  _call: (words: readonly string[]) => string[];
  encode: (words: readonly string[]) => string[];
  readonly end_of_word_suffix?: string | null;
  /** True if one unknown token stands for a run of them. */
  readonly fuse_unk: boolean;
}
export interface Unigram extends Model {
  /** The tokens of one word; a character that no token has is one of them. */
  tokenize: (word: string) => string[];
}
export interface WordPiece extends Model {
  readonly config: { readonly continuing_subword_prefix?: string };
}

export interface PostProcessor {
  post_process(
    tokens: readonly string[],
    pair: readonly string[] | null,
    addSpecialTokens: boolean,
  ): { readonly tokens: string[]; readonly token_type_ids?: number[] };
}

type Class<T> = new (...args: never[]) => T;

export const {
  Tokenizer,
  SequenceNormalizer,
  StripNormalizer,
  PrependNormalizer,
  ReplaceNormalizer,
  PrecompiledNormalizer,
  SequencePreTokenizer,
  ByteLevelPreTokenizer,
  Unigram,
  WordPiece,
  RobertaProcessingPostProcessor,
} = library as unknown as {
  readonly Tokenizer: new (definition: object, config: object) => HuggingFaceTokenizer;
  readonly SequenceNormalizer: Class<SequenceNormalizer>;
  readonly StripNormalizer: Class<StripNormalizer>;
  readonly PrependNormalizer: Class<PrependNormalizer>;
  readonly ReplaceNormalizer: Class<ReplaceNormalizer>;
  readonly PrecompiledNormalizer: Class<PrecompiledNormalizer>;
  readonly SequencePreTokenizer: Class<SequencePreTokenizer>;
  readonly ByteLevelPreTokenizer: Class<PreTokenizer>;
  readonly Unigram: Class<Unigram>;
  readonly WordPiece: Class<WordPiece>;
  readonly RobertaProcessingPostProcessor: Class<PostProcessor>;
};
