/** A language that a model knows. */
export interface Language {
  /** The model's own code, such as `eng_Latn`, `en_XX` or `fra`. */
  readonly code: string;
  /** As most clients spell it: a BCP 47 tag, such as `en` or `zh-Hant`; the own code where there is none. */
  readonly tag: string;
  /** In English; the own code where it has no name that is known. */
  readonly name: string;
}

const NAMES = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });

/** Codes of models that are no language's, or another one's. */
const MISTAKEN: ReadonlyMap<string, string> = new Map([['ns', 'nso']]);

/** Norwegian is Bokmål unless it says otherwise. */
const SAME: ReadonlyMap<string, string> = new Map([['no', 'nb']]);

/** The languages of codes, in their order. */
export function describeLanguages(codes: readonly string[]): Language[] {
  const taken = new Set<string>();
  return codes.map(code => {
    const locale = knownLocale(code);
    if (locale === undefined) return { code, tag: code, name: code };
    const tags = [shortTag(locale), locale.toString()];
    // Some of a model's languages are one for others.
    const tag = tags.find(tag => !taken.has(tag) && findLanguage(codes, tag) === code);
    taken.add(tag ?? code);
    return { code, tag: tag ?? code, name: (tag === undefined ? undefined : NAMES.of(tag)) ?? code };
  });
}

/** Whether a code is a language's, not that of a group such as `mul` or `ROMANCE`. */
export function isLanguage(code: string): boolean {
  const locale = localeOf(code);
  return locale !== undefined && locale.language !== 'mul' && locale.maximize().script !== undefined;
}

/**
 * Finds a language among a model's codes.
 *
 * @param wanted the model's own code, or a tag, such as `en`, `pt-BR`, `zh-Hant`, `eng` or `zh_TW`. A language
 * without a script is that in its usual one; a region that the model does not tell apart is passed over.
 * @returns the model's code; undefined where it knows no such language
 */
export function findLanguage(codes: readonly string[], wanted: string): string | undefined {
  if (codes.includes(wanted)) return wanted;
  const locale = localeOf(wanted);
  if (locale === undefined) return undefined;
  let best: string | undefined;
  let bestLikeness = -Infinity;
  for (const code of codes) {
    const likeness = likenessOf(locale, knownLocale(code));
    if (likeness <= bestLikeness) continue;
    best = code;
    bestLikeness = likeness;
  }
  return best;
}

/** How well a model's language fits a wanted one; negative infinity: not at all. */
function likenessOf(wanted: Intl.Locale, known: Intl.Locale | undefined): number {
  if (known === undefined || languageOf(known) !== languageOf(wanted)) return -Infinity;
  const isSameScript = known.maximize().script === wanted.maximize().script;
  // Both tell the script, if only by the region.
  if (!isSameScript && isDetailed(known) && isDetailed(wanted)) return -Infinity;
  return (isSameScript ? 2 : 0) + (known.region === wanted.region ? 1 : 0);
}

function isDetailed({ script, region }: Intl.Locale): boolean {
  return script !== undefined || region !== undefined;
}

function languageOf({ language }: Intl.Locale): string {
  return SAME.get(language) ?? language;
}

/** The language, and its script where that is not the usual one; Chinese is always told by its script. */
function shortTag({ language, script }: Intl.Locale): string {
  const usual = new Intl.Locale(language).maximize().script;
  return script === undefined || (script === usual && language !== 'zh') ? language : `${language}-${script}`;
}

/** Of models' codes, which are few and asked for often. */
const KNOWN = new Map<string, Intl.Locale | undefined>();

function knownLocale(code: string): Intl.Locale | undefined {
  if (!KNOWN.has(code)) KNOWN.set(code, localeOf(code));
  return KNOWN.get(code);
}

/** What a code says in the terms of BCP 47; undefined where it is none. */
function localeOf(code: string): Intl.Locale | undefined {
  // mBART writes XX for no region.
  const tag = code.replace(/_XX$/, '').replaceAll('_', '-');
  try {
    const { language, script, region } = new Intl.Locale(MISTAKEN.get(tag) ?? tag);
    // Whatever else it may say has no name.
    return new Intl.Locale([language, script, region].filter(part => part !== undefined).join('-'));
  } catch {
    return undefined;
  }
}
