import { KvasirError } from '#errors.js';
import type { Tokenizer } from '#text/types.js';
import { LANGUAGE_CODES } from './languages.js';

/** Ids of the tokens by which Whisper is told what to do, and tells when something is said. */
export interface SpecialTokens {
  /** Ends a text; ids below it are text. */
  readonly end: number;
  readonly start: number;
  /** In front of text that was said before. */
  readonly startOfPrevious: number;
  readonly startOfLanguageModel: number | undefined;
  /** Probable where nothing is said. */
  readonly noSpeech: number | undefined;
  readonly noTimestamps: number;
  /** The time 0; the ids from it on are times, 0.02 s apart. */
  readonly timestampBegin: number;
  /** Of a model that knows one language alone, undefined: it is not told what to do. */
  readonly tasks: { readonly transcribe: number; readonly translate: number } | undefined;
  /** Ids of languages by their codes; empty where {@link tasks} is undefined. */
  readonly languages: ReadonlyMap<string, number>;
}

/**
 * Finds the special tokens of a vocabulary by their names: their ids differ from model to model.
 *
 * @param multilingual what the model's folder says; the vocabularies of English-only models have tokens of
 * languages and tasks as well. Undefined: what the vocabulary has is meant.
 * @throws KvasirError `invalid_model` where one is missing.
 */
export function findSpecialTokens(tokenizer: Tokenizer, multilingual?: boolean): SpecialTokens {
  const optional = (name: string): number | undefined => tokenizer.id(`<|${name}|>`);
  const required = (name: string): number => {
    const id = optional(name);
    if (id === undefined)
      throw new KvasirError(
        'invalid_model',
        `the tokenizer has no token <|${name}|>, by which Whisper works`,
      );
    return id;
  };
  const noTimestamps = required('notimestamps');
  const transcribe = optional('transcribe');
  const translate = optional('translate');
  const languages = new Map<string, number>();
  for (const code of LANGUAGE_CODES) {
    const id = optional(code);
    if (id !== undefined) languages.set(code, id);
  }
  const knowsMany = multilingual ?? languages.size > 0;
  if (knowsMany && languages.size === 0)
    throw new KvasirError('invalid_model', 'the model knows several languages, but its tokenizer none');
  return {
    end: required('endoftext'),
    start: required('startoftranscript'),
    startOfPrevious: required('startofprev'),
    startOfLanguageModel: optional('startoflm'),
    noSpeech: optional('nospeech') ?? optional('nocaptions'),
    noTimestamps,
    timestampBegin: noTimestamps + 1,
    tasks: knowsMany
      ? { transcribe: transcribe ?? required('transcribe'), translate: translate ?? required('translate') }
      : undefined,
    languages: knowsMany ? languages : new Map(),
  };
}
