import type { TranslatedLanguages } from '#registry/card.js';
import { KvasirError, invalidRequest } from '#errors.js';

/** Codes of languages by others that mean the same, where Unicode's tables do not know it. */
const ALIASES: Readonly<Record<string, string>> = { no: 'nb', pb: 'pt-BR', pbt: 'ps', zt: 'zh-Hant' };

/** Scripts that hold others, by what of them a language is written in. */
const SCRIPTS: Readonly<Record<string, string>> = { Kore: 'Hang' };

/** What a code says. */
interface Language {
  /** The language, with the script where it is not the usual one: `zh`, `zh-Hant`. */
  readonly base: string;
  /** Where the code names one. */
  readonly region: string | undefined;
}

/** A language of a model. */
export interface TaggedLanguage {
  /** BCP 47: `en`; where the model's code is no language's, that code. */
  readonly tag: string;
  /** The model's own: `eng_Latn`. */
  readonly code: string;
}

/** A language that is translated from, as LibreTranslate lists it. */
export interface ListedLanguage {
  /** BCP 47. */
  readonly code: string;
  /** In English. */
  readonly name: string;
  /** Languages that it can be translated to. */
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
  /** The tag of the source's language. */
  readonly locale: string;
}

/** Codes of models stay the same as long as they are served. */
const known = new WeakMap<readonly string[], readonly (TaggedLanguage & Partial<Language>)[]>();

/**
 * Tags of a model's codes. Scripts and regions are left out where the language is told without them: `en_XX` is `en`,
 * and `prs_Arab` is `fa-AF` beside `pes_Arab`, which is `fa`.
 */
export function languageTags(codes: readonly string[]): readonly TaggedLanguage[] {
  return tagged(codes);
}

/** The language of a model that a client calls by a tag or a model's code, with or without a region. */
export function findLanguage(codes: readonly string[], wanted: string): TaggedLanguage | undefined {
  const languages = tagged(codes);
  const name = wanted.toLowerCase();
  const exact = languages.find(({ tag, code }) => tag.toLowerCase() === name || code.toLowerCase() === name);
  if (exact !== undefined) return exact;
  const asked = languageOf(wanted);
  if (asked === undefined) return undefined;
  const same = languages.filter(({ base }) => base === asked.base);
  return same.find(({ region }) => region === asked.region) ?? same[0];
}

function tagged(codes: readonly string[]): readonly (TaggedLanguage & Partial<Language>)[] {
  const before = known.get(codes);
  if (before !== undefined) return before;
  const languages = codes.map(code => ({ code, ...languageOf(code) }));
  const counts = new Map<string, number>();
  for (const { base = '' } of languages) counts.set(base, (counts.get(base) ?? 0) + 1);
  const taken = new Set<string>();
  const all = languages.map(language => {
    const { code, base = code, region } = language;
    const wanted = region === undefined || counts.get(base) === 1 ? base : `${base}-${region}`;
    const tag = taken.has(wanted) ? code : wanted;
    taken.add(tag);
    return { ...language, tag };
  });
  known.set(codes, all);
  return all;
}

const NAMES = new Intl.DisplayNames('en', { type: 'language' });

/** The name of a language in English. */
export function languageName(tag: string): string {
  try {
    return NAMES.of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** All languages that are translated from, in the order of their tags. */
export function listLanguages(translators: readonly Translator[]): ListedLanguage[] {
  const targets = new Map<string, Set<string>>();
  for (const { translates } of translators)
    for (const { tag: source } of languageTags(translates.sources)) {
      const own = targets.get(source) ?? new Set();
      targets.set(source, own);
      for (const { tag } of languageTags(translates.targets)) if (tag !== source) own.add(tag);
    }
  return [...targets]
    .filter(([, own]) => own.size > 0)
    .map(([code, own]) => ({ code, name: languageName(code), targets: [...own].sort() }))
    .sort((a, b) => (a.code < b.code ? -1 : 1));
}

/**
 * Tags of the languages that can be translated to one, and of that one itself: what a text may be in.
 *
 * @throws KvasirError as {@link chooseTranslator}
 */
export function sourcesFor(translators: readonly Translator[], target: string): string[] {
  const tags = new Set<string>();
  for (const { translates } of translators) {
    const to = findLanguage(translates.targets, target);
    if (to === undefined) continue;
    tags.add(to.tag);
    for (const { tag } of languageTags(translates.sources)) tags.add(tag);
  }
  if (tags.size === 0) throw refusal(translators, 'target', target);
  return [...tags];
}

/** Whether a language that models know is called by two names. */
export function sameLanguage(translators: readonly Translator[], a: string, b: string): boolean {
  return translators.some(({ translates }) =>
    [translates.sources, translates.targets].some(codes => {
      const found = findLanguage(codes, a)?.tag;
      return found !== undefined && found === findLanguage(codes, b)?.tag;
    }),
  );
}

/**
 * The first model that translates a pair of languages.
 *
 * @throws KvasirError `model_not_found` where none translates at all; `invalid_request` where none does this
 */
export function chooseTranslator<T extends Translator>(
  translators: readonly T[],
  source: string,
  target: string,
): TranslatorChoice<T> {
  if (translators.length === 0)
    throw new KvasirError('model_not_found', 'no model is served here that can translate', {
      param: 'model',
    });
  const pairs = translators.map(translator => ({
    translator,
    from: findLanguage(translator.translates.sources, source),
    to: findLanguage(translator.translates.targets, target),
  }));
  for (const { translator, from, to } of pairs)
    if (from !== undefined && to !== undefined && from.tag !== to.tag)
      return { translator, source: from.code, target: to.code, locale: from.tag };
  if (pairs.every(({ from }) => from === undefined)) throw refusal(translators, 'source', source);
  if (pairs.every(({ to }) => to === undefined)) throw refusal(translators, 'target', target);
  throw invalidRequest(
    'target',
    `${languageName(target)} (${target}) is not available as a target language from ${languageName(source)} (${source})`,
  );
}

/** Why nothing is translated from or to a language that no model knows. */
function refusal(translators: readonly Translator[], param: 'source' | 'target', code: string): KvasirError {
  return translators.length === 0
    ? new KvasirError('model_not_found', 'no model is served here that can translate', { param: 'model' })
    : invalidRequest(param, `${code} is not supported`);
}

/** @returns undefined for what is no code of a language. */
function languageOf(code: string): Language | undefined {
  const plain = code.replaceAll('_', '-');
  try {
    const locale = new Intl.Locale(ALIASES[plain.toLowerCase()] ?? plain);
    const { region } = locale;
    const language = ALIASES[locale.language] ?? locale.language;
    const script = scriptOf(locale);
    return {
      base: script === scriptOf(new Intl.Locale(language)) ? language : `${language}-${script}`,
      region: region === 'XX' ? undefined : region,
    };
  } catch {
    return undefined;
  }
}

/** The script that a language is written in; '' where nobody knows. */
function scriptOf(locale: Intl.Locale): string {
  const { script = '' } = locale.maximize();
  return SCRIPTS[script] ?? script;
}
