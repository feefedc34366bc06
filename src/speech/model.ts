import type { GenerationEngine } from '#engine/types.js';
import type { SoundFeatures } from '#model/speech/types.js';
import type { Tokenizer } from '#text/types.js';
import type { SpeechSettings } from './settings.js';
import { findSpecialTokens, type SpecialTokens } from './special-tokens.js';
import { suppressedTokens } from './suppressed-tokens.js';
import { TIME_PRECISION } from './time.js';
import type { TimestampRuleIds } from './timestamp-rules.js';
import { TokenText } from './token-text.js';

/** The latest time that a window's first segment may begin, in seconds. */
const MAX_INITIAL_TIMESTAMP = 1;

/** A loaded Whisper: what runs it, and what its vocabulary means. */
export interface SpeechModel {
  readonly engine: GenerationEngine;
  readonly features: SoundFeatures;
  readonly tokenizer: Tokenizer;
  readonly special: SpecialTokens;
  readonly rules: TimestampRuleIds;
  readonly text: TokenText;
  /** Codes of languages; `en` alone where it knows no other. */
  readonly languages: readonly string[];
}

/** @throws KvasirError `invalid_model` where the vocabulary lacks what Whisper works by. */
export function speechModel(
  engine: GenerationEngine,
  features: SoundFeatures,
  tokenizer: Tokenizer,
  settings: SpeechSettings,
): SpeechModel {
  const special = findSpecialTokens(tokenizer, settings.multilingual);
  const { end, noTimestamps, timestampBegin, languages } = special;
  return {
    engine,
    features,
    tokenizer,
    special,
    rules: {
      end,
      noTimestamps,
      timestampBegin,
      suppressed: suppressedTokens(tokenizer, special, settings.suppressedTokens),
      maxInitialTimestamp: Math.round(MAX_INITIAL_TIMESTAMP / TIME_PRECISION),
    },
    text: new TokenText(tokenizer, id => id < end),
    languages: languages.size > 0 ? [...languages.keys()] : ['en'],
  };
}
