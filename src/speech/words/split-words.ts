import type { TokenText } from '../token-text.js';

/** A word, or a part of one, with its tokens. */
export interface TokenWord {
  readonly word: string;
  readonly tokens: readonly number[];
}

/** Languages that are written without spaces. */
const WITHOUT_SPACES = new Set(['zh', 'ja', 'th', 'lo', 'my', 'yue']);

/** As Python's `string.punctuation`; any part of it, the empty one included, is taken for punctuation. */
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/**
 * Groups the tokens of a text to words: at spaces and punctuation, or, in languages without spaces, wherever the text could be
 * cut between characters (openai/whisper, `Tokenizer.split_to_word_tokens`).
 */
export function splitWords(tokens: readonly number[], text: TokenText, language: string): TokenWord[] {
  const parts = splitAtCharacters(tokens, text);
  if (WITHOUT_SPACES.has(language)) return parts;
  const words: { word: string; tokens: number[] }[] = [];
  for (const { word, tokens } of parts) {
    const last = words.at(-1);
    if (last === undefined || word.startsWith(' ') || PUNCTUATION.includes(word.trim()))
      words.push({ word, tokens: [...tokens] });
    else {
      last.word += word;
      last.tokens.push(...tokens);
    }
  }
  return words;
}

const REPLACEMENT = '\ufffd';

/** The fewest tokens each that make whole characters, or end in a broken one that the whole text has there, too. */
function splitAtCharacters(tokens: readonly number[], text: TokenText): TokenWord[] {
  const whole = text.decode(tokens);
  const parts: TokenWord[] = [];
  let pending: number[] = [];
  let offset = 0;
  for (const token of tokens) {
    pending.push(token);
    const word = text.decode(pending);
    const broken = word.indexOf(REPLACEMENT);
    if (broken >= 0 && whole[offset + broken] !== REPLACEMENT) continue;
    parts.push({ word, tokens: pending });
    pending = [];
    offset += word.length;
  }
  return parts;
}
