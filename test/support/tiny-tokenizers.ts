import { createTokenizer } from '#text/tokenizer.js';
import type { Tokenizer } from '#text/types.js';

/** Contents of a `tokenizer.json`. */
export type TokenizerDefinition = Record<string, unknown>;

interface Added {
  readonly content: string;
  readonly lstrip?: boolean;
  readonly special?: boolean;
  readonly normalized?: boolean;
}

function numbered(tokens: readonly string[]): Record<string, number> {
  return Object.fromEntries(tokens.map((token, id) => [token, id]));
}

/** The first ids of a vocabulary as its added tokens. */
function addedTokens(added: readonly Added[]): object[] {
  return added.map((token, id) => ({
    id,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
    ...token,
  }));
}

const LETTERS = Array.from('abcdefghijklmnopqrstuvwxyz');

/** GPT-2's printable stand-ins for the bytes, in order of the bytes. */
export const BYTE_CHARACTERS = ((): string[] => {
  let moved = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(printable ? byte : moved++);
  });
})();

/** Byte-level BPE with RoBERTa's special tokens; ids 5 to 260 are the bytes. Some merges cut characters in two. */
export const BYTE_LEVEL: TokenizerDefinition = ((): TokenizerDefinition => {
  const added: Added[] = [
    { content: '<s>' },
    { content: '<pad>' },
    { content: '</s>' },
    { content: '<mask>', lstrip: true },
    { content: '<plain>', special: false },
  ];
  const merges = ['t h', 'th e', 'Ġ the', 'Ã ©', 'ð Ł', 'Ġ ðŁ', 'Ģ a', 'æ Ĺ', 'Ġ Ġ'];
  const vocabulary = [
    ...added.map(token => token.content),
    ...BYTE_CHARACTERS,
    ...merges.map(merge => merge.replace(' ', '')),
  ];
  return {
    version: '1.0',
    added_tokens: addedTokens(added),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
    post_processor: { type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 0], trim_offsets: true },
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
    model: { type: 'BPE', unk_token: null, fuse_unk: false, vocab: numbered(vocabulary), merges },
  };
})();

/** SentencePiece BPE with byte fallback, as Llama 2 has it; ids 3 to 258 are the bytes. */
export const BYTE_FALLBACK: TokenizerDefinition = ((): TokenizerDefinition => {
  const added: Added[] = [{ content: '<unk>' }, { content: '<s>' }, { content: '</s>' }];
  const merges = ['t h', 'th e', '▁ the', '▁ a', 'é a', '▁ ▁'];
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const vocabulary = [
    ...added.map(token => token.content),
    ...bytes,
    '▁',
    ...LETTERS,
    'é',
    '日',
    ...merges.map(merge => merge.replace(' ', '')),
  ];
  return {
    version: '1.0',
    added_tokens: addedTokens(added),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [
        { SpecialToken: { id: '<s>', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '<s>', type_id: 1 } },
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
      vocab: numbered(vocabulary),
      merges,
    },
  };
})();

/** BERT's WordPiece, uncased: letters, their continuations and some words. */
export const WORD_PIECE: TokenizerDefinition = ((): TokenizerDefinition => {
  const added: Added[] = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map(content => ({ content }));
  const vocabulary = [
    ...added.map(token => token.content),
    ...LETTERS,
    ...LETTERS.map(letter => `##${letter}`),
    ...Array.from('!?.,-#½σ日本'),
    '##ς',
    'the',
    'token',
    '##ize',
    '##r',
  ].filter((token, i, all) => all.indexOf(token) === i);
  const special = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
  const sequence = (id: string, type: number) => ({ Sequence: { id, type_id: type } });
  return {
    version: '1.0',
    added_tokens: addedTokens(added),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0)],
      pair: [
        special('[CLS]', 0),
        sequence('A', 0),
        special('[SEP]', 0),
        sequence('B', 1),
        special('[SEP]', 1),
      ],
      special_tokens: {},
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 20,
      vocab: numbered(vocabulary),
    },
  };
})();

/** T5's Unigram: NFKC, words with their space before them, unknown characters fused. */
export const UNIGRAM: TokenizerDefinition = {
  version: '1.0',
  added_tokens: addedTokens([{ content: '<pad>' }, { content: '</s>' }, { content: '<unk>' }]),
  normalizer: { type: 'NFKC' },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'WhitespaceSplit' },
      { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
    ],
  },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
    pair: [
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '</s>', type_id: 0 } },
      { Sequence: { id: 'B', type_id: 0 } },
      { SpecialToken: { id: '</s>', type_id: 0 } },
    ],
    special_tokens: {},
  },
  decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
  model: {
    type: 'Unigram',
    unk_id: 2,
    vocab: [
      ['<pad>', 0],
      ['</s>', 0],
      ['<unk>', 0],
      ['▁', -2],
      ...LETTERS.map(letter => [letter, -4]),
      ['é', -5],
      ['▁the', -3],
      ['fi', -5],
      ['ne', -5],
      ['1', -5],
      ['2', -5],
    ],
  },
};

export const byteLevelTokenizer = (): Tokenizer => createTokenizer(BYTE_LEVEL);
export const byteFallbackTokenizer = (): Tokenizer => createTokenizer(BYTE_FALLBACK);
export const wordPieceTokenizer = (): Tokenizer => createTokenizer(WORD_PIECE);
export const unigramTokenizer = (): Tokenizer => createTokenizer(UNIGRAM);
