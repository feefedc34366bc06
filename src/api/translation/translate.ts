import type { GenerationRequest } from '#engine/types.js';
import type { Caller } from '#caller.js';
import { invalidRequest } from '#errors.js';
import type { SourcedModel } from '#registry/types.js';
import { mapInTurns } from '#turns.js';
import { beamParameters } from '../generation/beams.js';
import { bannedSequences } from '../generation/banned-sequences.js';
import { generateAll, type Audience } from '../generation/generate-all.js';
import { samplingParameters, stopConditions } from '../generation/sampling.js';
import { languageSampling, startIdsOf } from '../generation/sources.js';
import { fitTexts, joinFitted, readableTexts, type ReadableText } from './fitting.js';
import { joinPieces, MAX_PIECES, sentencesOf, tooManyPieces } from './text-pieces.js';
import { translateHtml } from './translate-html.js';

/** What is to be translated. */
export interface TranslationTask extends Pick<GenerationRequest, 'id' | 'reuseScope'> {
  readonly texts: readonly string[];
  /** `html`: only texts of pages are, and markup stays as it is. */
  readonly format: 'text' | 'html';
  /** Languages by the model's own codes. */
  readonly source: string;
  readonly target: string;
  /** The tag of the source's language (BCP 47). */
  readonly locale: string;
  /** How many more translations of each text are wanted; there are none of pages. */
  readonly alternatives: number;
}

/** A text in another language. */
export interface Translation {
  readonly text: string;
  /** Others of it, the better ones first; no two are alike. */
  readonly alternatives: readonly string[];
}

/** Texts of a part of the task in one batch; for each, its translations, the best first, at least one. */
type TranslateTexts = (texts: readonly string[]) => Promise<readonly (readonly string[])[]>;

/**
 * Translates texts sentence by sentence, all at the same time. A sentence that the model cannot read whole is
 * taken apart further; line breaks and white space between stay as they are.
 *
 * @returns in the texts' order.
 * @throws KvasirError `invalid_request` for more than {@link MAX_PIECES} sentences; what the engine refuses, or
 * ends one of them with
 */
export async function translate(
  task: TranslationTask,
  model: SourcedModel,
  caller: Caller & Audience,
): Promise<Translation[]> {
  const run = await pieceTranslator(task, model, caller);
  const translateTexts: TranslateTexts = async texts => translateSentences(texts, task.locale, run);
  if (task.format === 'html') return translatePages(task.texts, translateTexts);
  const translations = await translateTexts(task.texts);
  return translations.map(([text = '', ...others]) => ({
    text,
    alternatives: [...new Set(others)].filter(other => other !== text && other !== ''),
  }));
}

/** Takes pages through their steps together, so that their texts share batches. */
async function translatePages(
  pages: readonly string[],
  translateTexts: TranslateTexts,
): Promise<Translation[]> {
  const steps = pages.map(translateHtml);
  let results = await mapInTurns(steps, step => step.next());
  for (;;) {
    const asked = results.map(result => (result.done ? [] : result.value));
    if (results.every(({ done }) => done)) break;
    const translations = (await translateTexts(asked.flat())).map(([text = '']) => text);
    results = await mapInTurns(steps, (step, index) =>
      results[index]!.done ? results[index]! : step.next(translations.splice(0, asked[index]!.length)),
    );
  }
  return results.map(({ value }) => ({ text: value as string, alternatives: [] }));
}

async function translateSentences(
  texts: readonly string[],
  locale: string,
  run: TranslateTexts,
): Promise<string[][]> {
  const split = await mapInTurns(texts, text => sentencesOf(text, locale));
  const sentences = [...new Set(split.flatMap(({ pieces }) => pieces))];
  if (sentences.length > MAX_PIECES) throw tooManyPieces();
  const translated = sentences.length === 0 ? [] : await run(sentences);
  const bySentence = new Map(sentences.map((sentence, index) => [sentence, translated[index]!]));
  const count = Math.max(1, ...translated.map(({ length }) => length));
  return split.map(taken =>
    Array.from({ length: count }, (_, rank) =>
      joinPieces(
        taken,
        taken.pieces.map(piece => nth(bySentence.get(piece)!, rank)),
      ),
    ),
  );
}

/** A translation by its rank; the last one where there are fewer. */
function nth(translations: readonly string[], rank: number): string {
  return translations[Math.min(rank, translations.length - 1)]!;
}

/** How texts without line breaks are translated. */
async function pieceTranslator(
  { id, reuseScope, source, target, locale, alternatives }: TranslationTask,
  model: SourcedModel,
  caller: Caller & Audience,
): Promise<TranslateTexts> {
  const { sourced, engine } = model;
  const languages = { src_lang: source, tgt_lang: target };
  const n = alternatives + 1;
  if (n > engine.slots)
    throw invalidRequest(
      'alternatives',
      `alternatives must be < ${engine.slots}, the number of sequences that the model generates at once`,
    );
  const beams = beamParameters(
    n > 1 ? { use_beam_search: true, n, best_of: Math.max(n, sourced.defaults.beams.width) } : {},
    model,
    undefined,
  );
  const sampling = {
    ...samplingParameters({}, model),
    bannedSequences: await bannedSequences([], model, caller),
    ...languageSampling(sourced, target),
  };
  const request = ({ ids }: ReadableText, sequence: number): GenerationRequest => ({
    id: `${id}-${sequence}`,
    client: caller.client,
    promptIds: startIdsOf(sourced, target),
    sourceIds: ids,
    ...(reuseScope !== undefined && { reuseScope }),
    sampling,
    stop: stopConditions({}, mostTokens(ids.length, model), model),
    ...(beams && { beams }),
    logprobs: undefined,
    promptLogprobs: undefined,
  });
  let sequences = 0;
  return async texts => {
    const fitted = await fitTexts(texts, locale, languages, model, caller);
    const readable = fitted.flatMap(readableTexts);
    if (readable.length > MAX_PIECES) throw tooManyPieces();
    engine.checkRoom(readable.length * (beams?.width ?? 1), caller.client, 'q');
    const requests = readable.map(text => request(text, sequences++));
    const translations = await allTexts(generateAll(engine, requests, caller), readable.length);
    const byText = new Map(readable.map((text, index) => [text, translations[index]!]));
    return fitted.map(text =>
      Array.from({ length: n }, (_, rank) => joinFitted(text, part => nth(byText.get(part)!, rank))),
    );
  };
}

/**
 * Most tokens of a translation: what the folder says, but never so few that an ordinary sentence is cut off. A model
 * that repeats itself comes to an end by it.
 */
function mostTokens(sourceTokens: number, { sourced }: SourcedModel): number {
  return Math.max(sourced.defaults.maxTokens ?? 0, 3 * sourceTokens + 64);
}

/** Waits for all texts, several of one request where beams are searched. */
async function allTexts(
  events: ReturnType<typeof generateAll>,
  count: number,
): Promise<readonly (readonly string[])[]> {
  const written = Array.from({ length: count }, () => '');
  const searched = new Map<number, readonly string[]>();
  for await (const [index, event] of events) {
    if (event.type === 'prompt') continue;
    written[index] += event.text;
    if (event.hypotheses !== undefined)
      searched.set(
        index,
        event.hypotheses.map(({ text }) => text),
      );
  }
  return written.map((text, index) => searched.get(index) ?? [text]);
}
