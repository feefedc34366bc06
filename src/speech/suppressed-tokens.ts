import type { Tokenizer } from '#text/types.js';
import type { SpecialTokens } from './special-tokens.js';

const SYMBOLS = [
  ...Array.from('"#()*+/:;<=>@[\\]^_`{|}~「」『』'),
  ...'<< >> <<< >>> -- --- -( -[ (\' (" (( )) ((( ))) [[ ]] {{ }} ♪♪ ♪♪♪'.split(' '),
];

/**
 * Of these, the first token stands for all: in UTF-8 they begin with the same two bytes, and nothing that is spoken
 * begins so.
 */
const MUSICAL = Array.from('♩♪♫♬♭♮♯');

/**
 * Tokens of what is written but not spoken, such as brackets around a speaker's name, quotes and notes (openai/whisper,
 * `Tokenizer.non_speech_tokens`). Hyphens and apostrophes are kept within words.
 */
export function nonSpeechTokens(tokenizer: Tokenizer): ReadonlySet<number> {
  const encode = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false });
  const ids = new Set([encode(' -')[0]!, encode(" '")[0]!]);
  const add = (symbol: string, isFirstEnough: boolean): void => {
    for (const tokens of [encode(symbol), encode(` ${symbol}`)])
      if (tokens.length === 1 || (isFirstEnough && tokens.length > 0)) ids.add(tokens[0]!);
  };
  for (const symbol of SYMBOLS) add(symbol, false);
  for (const symbol of MUSICAL) add(symbol, true);
  return ids;
}

/**
 * Ids that are never written: those that the model's folder lists (`suppress_tokens`), or else what is not spoken; and
 * the tokens of prompts.
 *
 * @returns in ascending order.
 */
export function suppressedTokens(
  tokenizer: Tokenizer,
  special: SpecialTokens,
  listed: readonly number[] | undefined,
): readonly number[] {
  const { start, startOfPrevious, startOfLanguageModel, noSpeech, tasks } = special;
  const named = listed?.filter(id => id >= 0 && id < tokenizer.vocabularySize);
  const ids = new Set(listed === undefined || listed.includes(-1) ? nonSpeechTokens(tokenizer) : undefined);
  for (const id of named ?? []) ids.add(id);
  for (const id of [
    start,
    startOfPrevious,
    startOfLanguageModel,
    noSpeech,
    tasks?.transcribe,
    tasks?.translate,
  ])
    if (id !== undefined) ids.add(id);
  return [...ids].sort((a, b) => a - b);
}
