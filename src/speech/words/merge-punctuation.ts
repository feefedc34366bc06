import type { WordTiming } from './word-timing.js';

const BEFORE_WORDS = '"\'“¿([{-';
const BEHIND_WORDS = '"\'.。,，!！?？:：”)]}、';

/**
 * Puts punctuation to the words that it belongs to. What has been put elsewhere stays in its place without text and tokens
 * (openai/whisper, `merge_punctuations`).
 */
export function mergePunctuation(words: readonly WordTiming[]): void {
  for (let index = words.length - 2, next = words.length - 1; index >= 0; index--) {
    const word = words[index]!;
    if (word.word.startsWith(' ') && BEFORE_WORDS.includes(word.word.trim())) {
      const following = words[next]!;
      move(word, following, word.word + following.word, [...word.tokens, ...following.tokens]);
    } else next = index;
  }
  for (let index = 1, last = 0; index < words.length; index++) {
    const word = words[index]!;
    const previous = words[last]!;
    if (!previous.word.endsWith(' ') && BEHIND_WORDS.includes(word.word))
      move(word, previous, previous.word + word.word, [...previous.tokens, ...word.tokens]);
    else last = index;
  }
}

function move(from: WordTiming, to: WordTiming, word: string, tokens: readonly number[]): void {
  to.word = word;
  to.tokens = tokens;
  from.word = '';
  from.tokens = [];
}
