import { isDeepStrictEqual } from 'node:util';
import type { Caller } from '#caller.js';
import type { SamplingParameters } from '#engine/types.js';
import { contextLengthExceeded, invalidRequest, type KvasirError } from '#errors.js';
import type { SourcedModel, SourcedText } from '#registry/types.js';
import type { SourceTokens } from '#text/languages/language-codes.js';
import { cutIds, type PromptCut } from './prompt-cut.js';

/** What requests say about languages, as transformers' tokenizers call it. */
export interface LanguageFields {
  /** The language of the source, by the model's own code for it. */
  readonly src_lang?: string | null;
  /** The language to write. */
  readonly tgt_lang?: string | null;
}

/** How sources are read. */
export interface SourceOptions {
  /** The field that they come from, for errors. */
  readonly param: string;
  readonly languages: LanguageFields;
  /** Whether the tokenizer may add its own tokens to texts; what tells languages is added in any case. */
  readonly addSpecialTokens: boolean;
  readonly cut: PromptCut | undefined;
}

/**
 * Refuses languages that a model does not know, and where it knows none, all.
 *
 * @throws KvasirError `invalid_request`
 */
export function checkLanguages(fields: LanguageFields, sourced: SourcedText | undefined): void {
  const languages = sourced?.languages;
  for (const [param, known] of [
    ['src_lang', languages?.sources],
    ['tgt_lang', languages?.targets],
  ] as const) {
    const code = fields[param] ?? undefined;
    if (code === undefined || known?.includes(code)) continue;
    throw invalidRequest(
      param,
      known === undefined || known.length === 0
        ? `${param} is not supported: the model knows no languages by codes`
        : `${param} is ${JSON.stringify(code)}, expected one of: ${known.join(', ')}`,
    );
  }
}

/** What a decoder writes on from. @param target the language to write, if a request names one. */
export function startIdsOf(
  { startIds, languages }: SourcedText,
  target: string | null | undefined,
): readonly number[] {
  const start = target ? languages?.startTarget(target) : undefined;
  return start === undefined ? startIds : [start];
}

/** The sampling parameters that have a text begin in a language. @param target as for {@link startIdsOf}. */
export function languageSampling(
  sourced: SourcedText | undefined,
  target: string | null | undefined,
): Pick<SamplingParameters, 'forcedFirstId'> {
  const forcedFirstId = target ? sourced?.languages?.forcedTarget(target) : undefined;
  return forcedFirstId === undefined ? {} : { forcedFirstId };
}

/** A text as an encoder reads it. */
export interface EncodedSource {
  readonly ids: readonly number[];
  /** Whether the model can read as many; if not, they are those of the text's beginning. */
  readonly fits: boolean;
  /** Whether these are the tokens of the whole text. */
  readonly whole: boolean;
}

/**
 * Tokenizes texts, no more of each than shows that it is too long.
 *
 * @throws KvasirError as `TextService.map`
 */
export async function encodeSources(
  sources: readonly string[],
  { texts, sourced }: SourcedModel,
  { param, languages, addSpecialTokens }: Omit<SourceOptions, 'cut'>,
  caller: Caller,
): Promise<EncodedSource[]> {
  const { before, after } = tokensAround(sourced, languages);
  const most = sourced.longestSource - before.length - after.length;
  const items = sources.map(text => ({
    text,
    addSpecialTokens: addSpecialTokens && sourced.languages === undefined,
  }));
  const encoded = await texts.map('encodePrompt', items, { maxTokens: most }, caller, param);
  return encoded.map(({ ids, whole }) => ({
    ids: [...before, ...ids, ...after],
    fits: ids.length <= most,
    whole,
  }));
}

/**
 * The token ids of sources, as an encoder reads them. Those of a source that is given as ids are these.
 *
 * @throws KvasirError `context_length_exceeded`; `invalid_request` for a source without tokens; as `TextService.map`
 */
export async function readSources(
  sources: readonly (string | readonly number[])[],
  model: SourcedModel,
  options: SourceOptions,
  caller: Caller,
): Promise<(readonly number[])[]> {
  const { param, languages, cut } = options;
  const { longestSource } = model.sourced;
  const texts = sources.filter(source => typeof source === 'string');
  if (texts.length < sources.length) checkWithIds(languages, model.sourced);
  const encoded =
    cut === undefined
      ? await encodeSources(texts, model, options, caller)
      : await cutSources(texts, model, options, cut, caller);
  return sources.map(source => {
    const { ids, fits, whole } =
      typeof source === 'string' ? encoded.shift()! : idsSource(source, cut, longestSource);
    if (ids.length === 0) throw invalidRequest(param, 'the source has no tokens');
    if (!fits) throw tooLong(param, ids.length, whole, longestSource);
    return ids;
  });
}

/** Token ids are read as they are: nothing is said of languages there that they do not say. */
function checkWithIds({ src_lang: source, tgt_lang: target }: LanguageFields, sourced: SourcedText): void {
  const plain = tokensAround(sourced, {});
  const told = tokensAround(sourced, { tgt_lang: target ?? null });
  const param = source ? 'src_lang' : isDeepStrictEqual(plain, told) ? undefined : 'tgt_lang';
  if (param !== undefined)
    throw invalidRequest(param, `${param} is allowed only with texts: token ids are read as they are`);
}

async function cutSources(
  sources: readonly string[],
  { texts, sourced }: SourcedModel,
  { param, languages, addSpecialTokens }: SourceOptions,
  cut: PromptCut,
  caller: Caller,
): Promise<EncodedSource[]> {
  const { before, after } = tokensAround(sourced, languages);
  const room = Math.min(cut.maxTokens, sourced.longestSource) - before.length - after.length;
  if (room < 1)
    throw invalidRequest(
      'truncate_prompt_tokens',
      'truncate_prompt_tokens leaves no room for a text beside the tokens of its language',
    );
  const encoded = await texts.map(
    'encodeInput',
    sources.map(text => ({ param, text })),
    {
      maxTokens: room,
      cut: cut.cut,
      withSpecial: addSpecialTokens && sourced.languages === undefined,
    },
    caller,
    param,
  );
  return encoded.map(({ ids }) => ({ ids: [...before, ...ids, ...after], fits: true, whole: true }));
}

function idsSource(ids: readonly number[], cut: PromptCut | undefined, longestSource: number): EncodedSource {
  const kept =
    cut === undefined ? ids : cutIds(ids, { ...cut, maxTokens: Math.min(cut.maxTokens, longestSource) });
  return { ids: kept, fits: kept.length <= longestSource, whole: true };
}

/** What stands around the tokens of a text, and tells its language or that of what is to be written. */
function tokensAround(
  { languages }: SourcedText,
  { src_lang: source, tgt_lang: target }: LanguageFields,
): SourceTokens {
  return languages?.sourceTokens(source ?? undefined, target ?? undefined) ?? { before: [], after: [] };
}

/** @param whole whether those are all of its tokens. */
function tooLong(param: string, tokens: number, whole: boolean, longestSource: number): KvasirError {
  return contextLengthExceeded(
    param,
    `the source has ${whole ? '' : 'more than '}${tokens} tokens; the model reads at most ${longestSource}`,
    whole ? tokens : undefined,
    longestSource,
  );
}
