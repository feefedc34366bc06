import path from 'node:path';
import { KvasirError } from '#errors.js';
import { ifThere, readJsonObject } from '#files.js';
import type { Tokenizer } from '../types.js';
import { languageForm, type LanguageForm } from './forms.js';
import { isLanguage } from './tags.js';

/** Tokens around a source, in place of those that its tokenizer adds. */
export interface SourceTokens {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * The languages that a translator can be asked for, by the model's own codes; `findLanguage` finds them by what
 * clients send.
 */
export interface LanguageCodes {
  /** All of them, each once. */
  readonly codes: readonly string[];
  /** Those that a source may be in; empty where the model does not say which, and takes any of a group. */
  readonly sources: readonly string[];
  /** Those that it can write; empty where it does not say which. */
  readonly targets: readonly string[];
  /**
   * How a source is written.
   *
   * @param source its language, one of {@link sources}; undefined: the tokenizer's own.
   * @param target the language to write, one of {@link targets}; undefined: what the source's text says.
   * @throws KvasirError `invalid_request` for a language that is none of them, as the next two
   */
  sourceTokens(source?: string, target?: string): SourceTokens;
  /** The token that what is written begins with, after the decoder's start token; undefined: none. */
  forcedTarget(target: string): number | undefined;
  /** The token that takes the place of the decoder's start token; undefined: it stays. */
  startTarget(target: string): number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const TRANSLATORS: readonly unknown[] = ['marian', 'm2m_100', 'mbart'];

/** Whether models of a `model_type` may know languages: of others nothing need be read to tell. */
export function isTranslator(modelType: unknown): boolean {
  return TRANSLATORS.includes(modelType);
}

/**
 * The languages of a translator's folder.
 *
 * @returns undefined for a model that knows none.
 * @throws KvasirError `invalid_model` where config.json or tokenizer_config.json is broken
 */
export async function loadLanguageCodes(
  folder: string,
  tokenizer: Tokenizer,
): Promise<LanguageCodes | undefined> {
  const read = async (name: string): Promise<Fields> =>
    (await ifThere(readJsonObject(path.join(folder, name)))) ?? {};
  const config = await read('config.json');
  if (!isTranslator(config.model_type)) return undefined;
  const settings = await read('tokenizer_config.json');
  if (config.model_type === 'marian') return marianLanguages(folder, tokenizer, settings);
  const form = formOf(tokenizer, settings, config);
  return form === undefined ? undefined : multilingual(tokenizer, form, settings);
}

/** By the class that the folder names, or else by the languages that only one of the families has. */
function formOf(tokenizer: Tokenizer, settings: Fields, config: Fields): LanguageForm | undefined {
  const named = [settings.tokenizer_class, config.tokenizer_class].find(name => typeof name === 'string');
  return (
    languageForm(named, settings) ??
    ['NllbTokenizer', 'M2M100Tokenizer', 'MBart50Tokenizer', 'MBartTokenizer']
      .map(name => languageForm(name, settings)!)
      .find(({ codes, token }) => codes.every(code => tokenizer.id(token(code)) !== undefined))
  );
}

function multilingual(tokenizer: Tokenizer, form: LanguageForm, settings: Fields): LanguageCodes | undefined {
  const { place } = form;
  const ids = new Map(form.codes.map(code => [code, tokenizer.id(form.token(code))]));
  const codes = form.codes.filter(code => ids.get(code) !== undefined);
  if (codes.length === 0) return undefined;
  const idOf = (code: string): number => {
    const id = ids.get(code);
    if (id === undefined)
      throw new KvasirError('invalid_request', `the model knows no language ${JSON.stringify(code)}`);
    return id;
  };
  const end = endTokens(tokenizer, settings);
  const { src_lang: named } = settings;
  const usual = typeof named === 'string' && codes.includes(named) ? named : form.defaultSource;
  return {
    codes,
    sources: codes,
    targets: codes,
    sourceTokens: (source = usual) =>
      place === 'before'
        ? { before: [idOf(source)], after: end }
        : { before: [], after: [...end, idOf(source)] },
    forcedTarget: target => (form.target === 'forced' ? idOf(target) : undefined),
    startTarget: target => (form.target === 'start' ? idOf(target) : undefined),
  };
}

/**
 * Marian's models translate one language, or one of a group, into one, or into that which the source begins
 * with: `>>fra<<`.
 */
function marianLanguages(folder: string, tokenizer: Tokenizer, settings: Fields): LanguageCodes | undefined {
  const marks = markedLanguages(tokenizer);
  const [source, target] = languagePair(folder, settings);
  const sources = source !== undefined && isLanguage(source) ? [source] : [];
  const single = target !== undefined && isLanguage(target) ? [target] : [];
  const targets = marks.size > 0 ? [...marks.keys()] : single;
  if (targets.length === 0) return undefined;
  const end = endTokens(tokenizer, settings);
  return {
    codes: [...new Set([...sources, ...targets])],
    sources,
    targets,
    sourceTokens: (_, wanted) => {
      const mark = wanted === undefined ? undefined : marks.get(wanted);
      return { before: mark === undefined ? [] : [mark], after: end };
    },
    forcedTarget: () => undefined,
    startTarget: () => undefined,
  };
}

/** Tokens of the form of `>>fra<<`, by the language between the marks. */
function markedLanguages(tokenizer: Tokenizer): Map<string, number> {
  const marks = new Map<string, number>();
  for (let id = 0; id < tokenizer.vocabularySize; id++) {
    const code = /^>>(.+)<<$/.exec(tokenizer.token(id) ?? '')?.[1];
    if (code !== undefined) marks.set(code, id);
  }
  return marks;
}

/** What tokenizer_config.json says, or else the name of the model, which is part of its folder's: `opus-mt-en-de`. */
function languagePair(folder: string, { source_lang, target_lang }: Fields): (string | undefined)[] {
  if (typeof source_lang === 'string' && typeof target_lang === 'string') return [source_lang, target_lang];
  const [, source, target] =
    [
      ...path.resolve(folder).matchAll(/opus-mt-(?:tc-(?:big|base|bible-big)-)?([A-Za-z_]+)-([A-Za-z_]+)/g),
    ].at(-1) ?? [];
  return [source, target];
}

function endTokens(tokenizer: Tokenizer, { eos_token: named }: Fields): number[] {
  const content = typeof named === 'object' && named !== null && 'content' in named ? named.content : named;
  const id = tokenizer.id(typeof content === 'string' ? content : '</s>');
  return id === undefined ? [] : [id];
}
