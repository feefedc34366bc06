import { findLanguage } from '#text/languages/tags.js';

/** A language that a text may be in. */
export interface DetectedLanguage {
  /** BCP 47. */
  readonly language: string;
  /**
   * `[0, 100]`; 0: nothing speaks for it. The share of the text's character sequences that are usual in the
   * language, which is no probability: that of a sure one is about 80.
   */
  readonly confidence: number;
}

/** Most that are told of one text. */
const MOST = 3;

/**
 * Tells languages by the sequences of characters in their words.
 *
 * @param among tags of the languages that it may be, at least one.
 * @returns the most likely first; at least one.
 */
export async function detectLanguages(
  text: string,
  among: readonly string[],
): Promise<readonly DetectedLanguage[]> {
  // Its tables take 85 MB: only servers that are asked for it load them.
  const { eld } = await import('eld/extrasmall');
  const best = new Map<string, number>();
  for (const [code, score] of Object.entries(eld.detect(text).getScores())) {
    const language = findLanguage(among, code);
    if (language !== undefined) best.set(language, Math.max(best.get(language) ?? 0, score));
  }
  const found = [...best]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST)
    .map(([language, score]) => ({ language, confidence: Math.round(score * 100) }));
  return found.length > 0 ? found : [{ language: findLanguage(among, 'en') ?? among[0]!, confidence: 0 }];
}
