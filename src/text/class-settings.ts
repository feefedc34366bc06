import { bertNormalizer } from './wordpiece-vocabulary.js';

/** Classes that build their BertNormalizer themselves, without `Fast` behind their names. */
const BERTS = [
  'BertTokenizer',
  'DistilBertTokenizer',
  'ElectraTokenizer',
  'MPNetTokenizer',
  'MobileBertTokenizer',
];

/** Classes that build their ByteLevel pre-tokenizer themselves, and whether it puts a space before a text by default. */
const BYTE_LEVELS: Readonly<Record<string, boolean>> = {
  BartTokenizer: false,
  BlenderbotTokenizer: true,
  CodeGenTokenizer: false,
  CohereTokenizer: false,
  DebertaTokenizer: false,
  GPT2Tokenizer: false,
  GPTNeoXTokenizer: false,
  LongformerTokenizer: false,
  Qwen2Tokenizer: false,
  RobertaTokenizer: false,
  WhisperTokenizer: false,
};

/** A part of `tokenizer.json`. */
type Part = Readonly<Record<string, unknown>>;

/**
 * Changes in `tokenizer.json` what transformers builds anew from `tokenizer_config.json`: its classes take the vocabulary
 * of a `tokenizer.json`, and some of them their own settings for the rest, so that those of `tokenizer_config.json` win
 * where the two files differ (transformers 5.24, `tokenization_*.py`).
 *
 * - BERT's: `do_lower_case`, `strip_accents` and `tokenize_chinese_chars`, by default true, null and true;
 * - those of GPT-2's kind: `add_prefix_space`, by default false (Blenderbot's: true).
 *
 * @param definition the contents of `tokenizer.json`.
 * @param config those of `tokenizer_config.json`; where it names no class, nothing changes.
 */
export function withClassSettings(definition: object, config: object): object {
  const fields = config as Part;
  const { tokenizer_class: named } = fields;
  if (typeof named !== 'string') return definition;
  const name = named.replace(/Fast$/, '');
  const { normalizer, pre_tokenizer: splitter } = definition as {
    readonly normalizer?: Part | null;
    readonly pre_tokenizer?: Part | null;
  };
  if (BERTS.includes(name) && normalizer?.type === 'BertNormalizer')
    return { ...definition, normalizer: { ...normalizer, ...bertNormalizer(fields) } };
  const prefixes = Object.hasOwn(BYTE_LEVELS, name) ? BYTE_LEVELS[name] : undefined;
  if (prefixes === undefined || !splitter) return definition;
  const { add_prefix_space: hasPrefix = prefixes } = fields;
  return { ...definition, pre_tokenizer: withPrefix(splitter, hasPrefix === true) };
}

/** A pre-tokenizer whose ByteLevel part puts a space before a text, or does not. */
function withPrefix(splitter: Part, hasPrefix: boolean): Part {
  if (splitter.type === 'ByteLevel') return { ...splitter, add_prefix_space: hasPrefix };
  const { pretokenizers } = splitter;
  if (!Array.isArray(pretokenizers)) return splitter;
  return { ...splitter, pretokenizers: (pretokenizers as Part[]).map(part => withPrefix(part, hasPrefix)) };
}
