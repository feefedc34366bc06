import type { TranslatedLanguages } from '#registry/card.js';
import { KvasirError, invalidRequest } from '#errors.js';
import { describeLanguages, findLanguage, type Language } from '#text/languages/tags.js';

/** Codes that LibreTranslate knows, and nobody else. */
const ALIASES: Readonly<Record<string, string>> = { pb: 'pt-BR', zt: 'zh-Hant' };

/** A language that is translated from, as LibreTranslate lists it. */
export interface ListedLanguage {
  /** BCP 47. */
  readonly code: string;
  /** In English. */
  readonly name: string;
  /** Languages that it is translated to. */
  readonly targets: readonly string[];
}

/** A model that translates. */
export interface Translator {
  readonly id: string;
  readonly translates: TranslatedLanguages;
}

/** A model for a pair of languages. */
export interface TranslatorChoice<T extends Translator> {
  readonly translator: T;
  /** Its own codes. */
  readonly source: string;
  readonly target: string;
  /** The tag of the source's language (BCP 47). */
  readonly locale: string;
}

/** All languages that are translated from, in the order of their tags. */
export function listLanguages(translators: readonly Translator[]): ListedLanguage[] {
  const listed = new Map<string, { readonly name: string; readonly targets: Set<string> }>();
  for (const { translates } of translators)
    for (const { tag: source, name } of described(translates.sources)) {
      const { targets } = listed.get(source) ?? listed.set(source, { name, targets: new Set() }).get(source)!;
      for (const { tag } of described(translates.targets)) if (tag !== source) targets.add(tag);
    }
  return [...listed]
    .filter(([, { targets }]) => targets.size > 0)
    .map(([code, { name, targets }]) => ({ code, name, targets: [...targets].sort() }))
    .sort((a, b) => (a.code < b.code ? -1 : 1));
}

/**
 * Tags of the languages that are translated to one, and of that one itself: what a text may be in.
 *
 * @throws KvasirError as {@link chooseTranslator}
 */
export function sourcesFor(translators: readonly Translator[], target: string): string[] {
  const tags = new Set<string>();
  for (const { translates } of translators) {
    const to = find(translates.targets, target);
    if (to === undefined) continue;
    tags.add(to.tag);
    for (const { tag } of described(translates.sources)) tags.add(tag);
  }
  if (tags.size === 0) throw unknown(translators, 'target', target);
  return [...tags];
}

/** Whether one language that models know is meant by both. */
export function sameLanguage(translators: readonly Translator[], a: string, b: string): boolean {
  return translators.some(({ translates }) =>
    [translates.sources, translates.targets].some(codes => {
      const found = find(codes, a);
      return found !== undefined && found === find(codes, b);
    }),
  );
}

/**
 * The first model that translates between two languages.
 *
 * @throws KvasirError `model_not_found` where none translates at all; `invalid_request` where none does this
 */
export function chooseTranslator<T extends Translator>(
  translators: readonly T[],
  source: string,
  target: string,
): TranslatorChoice<T> {
  const pairs = translators.map(translator => ({
    translator,
    from: find(translator.translates.sources, source),
    to: find(translator.translates.targets, target),
  }));
  for (const { translator, from, to } of pairs)
    if (from !== undefined && to !== undefined && from.tag !== to.tag)
      return { translator, source: from.code, target: to.code, locale: from.tag };
  const from = pairs.find(pair => pair.from !== undefined)?.from;
  const to = pairs.find(pair => pair.to !== undefined)?.to;
  if (from === undefined) throw unknown(translators, 'source', source);
  if (to === undefined) throw unknown(translators, 'target', target);
  throw invalidRequest(
    'target',
    `${to.name} (${target}) is not available as a target language from ${from.name} (${source})`,
  );
}

/** Why nothing is translated from or to a language that no model knows. */
function unknown(translators: readonly Translator[], param: 'source' | 'target', code: string): KvasirError {
  return translators.length === 0
    ? new KvasirError('model_not_found', 'no model is served here that can translate', { param: 'model' })
    : invalidRequest(param, `${code} is not supported`);
}

function find(codes: readonly string[], wanted: string): Language | undefined {
  const code = findLanguage(codes, ALIASES[wanted.toLowerCase()] ?? wanted);
  return code === undefined ? undefined : described(codes)[codes.indexOf(code)];
}

/** Lists of codes stay the same as long as their models are served. */
const DESCRIBED = new WeakMap<readonly string[], readonly Language[]>();

function described(codes: readonly string[]): readonly Language[] {
  const known = DESCRIBED.get(codes) ?? describeLanguages(codes);
  DESCRIBED.set(codes, known);
  return known;
}
