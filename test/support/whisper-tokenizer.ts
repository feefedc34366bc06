import { createTokenizer } from '#text/tokenizer.js';
import type { Tokenizer } from '#text/types.js';
import { BYTE_CHARACTERS, type TokenizerDefinition } from './tiny-tokenizers.js';

/** Tokens of prompts, in the order in which Whisper has them. */
const SPECIAL = [
  'endoftext',
  'startoftranscript',
  'en',
  'de',
  'ja',
  'translate',
  'transcribe',
  'startoflm',
  'startofprev',
  'nospeech',
  'notimestamps',
];

/** Times from 0 to 30 s. */
const TIMES = 1501;

/** Whisper's vocabulary in small: bytes, the tokens of prompts, and times. */
export function whisperTokenizer(special: readonly string[] = SPECIAL): Tokenizer {
  return createTokenizer(whisperTokenizerDefinition(special));
}

/** It as the contents of a `tokenizer.json`. */
export function whisperTokenizerDefinition(special: readonly string[] = SPECIAL): TokenizerDefinition {
  const merges = ['Ġ -', "Ġ '", 'Ġ (', 'â Ļ', 'Ġ âĻ'];
  const text = [...BYTE_CHARACTERS, ...merges.map(merge => merge.replace(' ', ''))];
  const added = [
    ...special.map(name => ({ content: `<|${name}|>`, special: true })),
    ...Array.from({ length: TIMES }, (_, index) => ({
      content: `<|${(index * 0.02).toFixed(2)}|>`,
      special: false,
    })),
  ];
  return {
    version: '1.0',
    added_tokens: added.map((token, index) => ({
      id: text.length + index,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      ...token,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
    model: {
      type: 'BPE',
      unk_token: null,
      fuse_unk: false,
      vocab: Object.fromEntries(
        [...text, ...added.map(({ content }) => content)].map((token, id) => [token, id]),
      ),
      merges,
    },
  };
}
