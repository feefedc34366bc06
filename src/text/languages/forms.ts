import { MBART, MBART_50, M2M_100, NLLB_200, WMT_21 } from './published-codes.js';

/** How a family of multilingual models names languages, and where a source says its own. */
export interface LanguageForm {
  /** The family's codes, in the order of their tokens. */
  readonly codes: readonly string[];
  /** The language of a source that nobody names. */
  readonly defaultSource: string;
  /** Whether the token of the source's language stands before the source, or behind its end token. */
  readonly place: 'before' | 'behind';
  /** Whether the target's language takes the place of the decoder's start token, or follows it. */
  readonly target: 'start' | 'forced';
  /** The spelling of a language's token. */
  readonly token: (code: string) => string;
}

const itself = (code: string): string => code;

/**
 * The form of a class of tokenizers in transformers.
 *
 * @param tokenizerClass its name, with or without `Fast` at its end.
 * @param settings the fields of tokenizer_config.json.
 * @returns undefined for a class that knows no languages by tokens of this kind.
 */
export function languageForm(
  tokenizerClass: string | undefined,
  settings: { readonly legacy_behaviour?: unknown; readonly language_codes?: unknown } = {},
): LanguageForm | undefined {
  switch (tokenizerClass?.replace(/Fast$/, '')) {
    case 'MBartTokenizer':
      return { codes: MBART, defaultSource: 'en_XX', place: 'behind', target: 'start', token: itself };
    case 'MBart50Tokenizer':
      return { codes: MBART_50, defaultSource: 'en_XX', place: 'before', target: 'forced', token: itself };
    case 'M2M100Tokenizer':
      return {
        codes: settings.language_codes === 'wmt21' ? WMT_21 : M2M_100,
        defaultSource: 'en',
        place: 'before',
        target: 'forced',
        token: code => `__${code}__`,
      };
    case 'NllbTokenizer':
      return {
        codes: NLLB_200,
        defaultSource: 'eng_Latn',
        place: settings.legacy_behaviour === true ? 'behind' : 'before',
        target: 'forced',
        token: itself,
      };
    case undefined:
    default:
      return undefined;
  }
}
