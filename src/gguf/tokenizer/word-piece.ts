import type { GgufMetadata } from '../metadata.js';
import { addedTokens, templateProcessing, type Surroundings, type TokenizerParts } from './parts.js';
import { isAdded, readVocabulary, spellingOf, type GgufVocabulary } from './vocabulary.js';

const NORMALIZER = 'tokenizer.ggml.normalizer';

/** Where the tokens of a BERT are by default. */
const ROLES = { bos: 101, unk: 100, sep: 102, pad: 0, mask: 103 };

/**
 * The parts of a BERT's tokenizer (`bert`: WordPiece, Schuster and Nakajima 2012). Files mark the pieces that
 * begin a word by `▁`, where BERT marks those that go on by `##`.
 *
 * @throws KvasirError `invalid_model`
 */
export function wordPieceParts(metadata: GgufMetadata): TokenizerParts {
  const vocabulary = respelled(readVocabulary(metadata, ROLES));
  for (const role of ['bos', 'sep', 'unk'] as const)
    if (!vocabulary.roles.has(role)) throw metadata.invalid(`no token has the role ${role}`);
  const around: Surroundings = { before: ['bos'], between: ['sep'], after: ['sep'] };
  const lowers = metadata.flag(`${NORMALIZER}.lowercase`, !hasCapitals(vocabulary));
  return {
    vocabulary,
    around,
    config: { cls_token: spellingOf(vocabulary, 'bos') },
    files: {
      'tokenizer.json': {
        version: '1.0',
        truncation: null,
        padding: null,
        added_tokens: addedTokens(vocabulary, () => ({ lstrip: false, rstrip: false })),
        normalizer: {
          type: 'BertNormalizer',
          clean_text: true,
          handle_chinese_chars: true,
          strip_accents: metadata.flag(`${NORMALIZER}.strip_accents`, lowers),
          lowercase: lowers,
        },
        pre_tokenizer: { type: 'BertPreTokenizer' },
        post_processor: templateProcessing(around, vocabulary, [0, 1]),
        decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
        model: {
          type: 'WordPiece',
          unk_token: spellingOf(vocabulary, 'unk'),
          continuing_subword_prefix: '##',
          max_input_chars_per_word: 100,
          vocab: Object.fromEntries(vocabulary.ids),
        },
      },
    },
  };
}

function respelled(vocabulary: GgufVocabulary): GgufVocabulary {
  const { types } = vocabulary;
  const tokens = vocabulary.tokens.map((token, id) => {
    // Older files leave `[unused1]` and its like as they are.
    if (isAdded(types[id]) || /^\[.+\]$/.test(token)) return token;
    return token.startsWith('▁') ? token.slice(1) : `##${token}`;
  });
  return { ...vocabulary, tokens, ids: new Map(tokens.map((token, id) => [token, id])) };
}

/** Whether a vocabulary knows capital letters: older files do not say whether texts are lowered. */
function hasCapitals({ tokens, types }: GgufVocabulary): boolean {
  return tokens.some((token, id) => !isAdded(types[id]) && /^(##)?\p{Lu}\p{L}/u.test(token));
}
