import { invalidRequest } from '#errors.js';
import type { Caller } from '#caller.js';
import type { SpeechModel } from '#registry/types.js';
import { languageCode } from '#speech/languages.js';
import type { SpeechPieces, TranscriptionRequest } from '#speech/types.js';
import { reuseScope } from '../generation/reuse-scope.js';

/** How a transcript is written. */
export const TRANSCRIPT_FORMATS = ['json', 'text', 'srt', 'verbose_json', 'vtt'] as const;

export type TranscriptFormat = (typeof TRANSCRIPT_FORMATS)[number];

/** Formats that say nothing of times. */
const TIMELESS: readonly TranscriptFormat[] = ['json', 'text'];

/** How a model can write a transcript, by whether it tells when something is said. */
export function transcriptFormats({
  tellsTimes,
}: {
  readonly tellsTimes: boolean;
}): readonly TranscriptFormat[] {
  return tellsTimes ? TRANSCRIPT_FORMATS : TIMELESS;
}

/** What a request for a transcript asks for, in the words of OpenAI's API; what is missing or null has its default. */
export interface TranscriptionFields {
  readonly language?: string | null;
  readonly prompt?: string | null;
  readonly temperature?: number | null;
  readonly response_format?: TranscriptFormat | null;
  readonly timestamp_granularities?: readonly ('word' | 'segment')[] | null;
  readonly include?: readonly 'logprobs'[] | null;
  readonly stream?: boolean | null;
  readonly chunking_strategy?: ChunkingStrategy | null;
  readonly beam_size?: number | null;
  readonly best_of?: number | null;
  readonly seed?: number | null;
}

/** How a recording is cut: as the server thinks best, or by voice activity, with numbers of one's own. */
export type ChunkingStrategy = 'auto' | VoiceActivity;

interface VoiceActivity {
  readonly type: 'server_vad';
  readonly threshold?: number | null;
  readonly silence_duration_ms?: number | null;
  readonly prefix_padding_ms?: number | null;
}

/**
 * Checks what does not depend on the model: fields that contradict one another.
 *
 * @throws KvasirError `invalid_request`
 */
export function checkTranscription(fields: TranscriptionFields): void {
  const format = fields.response_format ?? 'json';
  if ((fields.timestamp_granularities ?? []).length > 0 && format !== 'verbose_json')
    throw invalidRequest(
      'timestamp_granularities',
      'timestamp_granularities is allowed only where response_format is verbose_json',
    );
  if ((fields.include ?? []).length > 0 && format !== 'json')
    throw invalidRequest('include', 'include: logprobs are given only where response_format is json');
  if (fields.stream && (format === 'srt' || format === 'vtt'))
    throw invalidRequest('stream', `stream is not allowed where response_format is ${format}`);
}

/**
 * What a request wants of a recording, of this model.
 *
 * @throws KvasirError `invalid_request` for a language that the model does not know, times that it does not tell, or
 * a prompt that it does not read
 */
export function transcriptionRequest(
  task: TranscriptionRequest['task'],
  fields: TranscriptionFields,
  { id, speech }: SpeechModel,
  { client, apiKey }: Pick<Caller, 'client'> & { readonly apiKey: string | undefined },
): TranscriptionRequest {
  const name = JSON.stringify(id);
  const format = fields.response_format ?? 'json';
  const formats = transcriptFormats(speech);
  if (!formats.includes(format))
    throw invalidRequest(
      'response_format',
      `response_format: the model ${name} does not tell when something is said, so that it writes ${formats.join(' and ')}, not ${format}`,
    );
  if (fields.prompt && !speech.readsPrompts)
    throw invalidRequest('prompt', `prompt: the model ${name} does not read what was said before`);
  const words = asksForWords(fields);
  if (words && !speech.tellsWords)
    throw invalidRequest(
      'timestamp_granularities',
      `timestamp_granularities: the model ${name} cannot tell when words are said`,
    );
  return {
    task,
    language: fields.language ? knownLanguage(fields.language, speech.languages) : undefined,
    prompt: fields.prompt ?? undefined,
    temperature: fields.temperature ?? undefined,
    beams: fields.beam_size ?? undefined,
    bestOf: fields.best_of ?? undefined,
    seed: fields.seed ?? undefined,
    words,
    logprobs: asksForLogprobs(fields),
    chunking: pieces(fields.chunking_strategy ?? undefined),
    client,
    reuseScope: reuseScope(apiKey, undefined),
  };
}

export function asksForWords({ timestamp_granularities: granularities }: TranscriptionFields): boolean {
  return granularities?.includes('word') ?? false;
}

/** Whether segments are wanted: they are, where nobody says what else. */
export function asksForSegments({ timestamp_granularities: granularities }: TranscriptionFields): boolean {
  return (granularities ?? []).length === 0 || granularities!.includes('segment');
}

export function asksForLogprobs({ include }: TranscriptionFields): boolean {
  return include?.includes('logprobs') ?? false;
}

/** @param known codes of the languages that the model knows. */
function knownLanguage(language: string, known: readonly string[]): string {
  if (known.length === 0)
    throw invalidRequest(
      'language',
      'language: the model writes the one that it was made for, and cannot be told another; leave it out',
    );
  const code = languageCode(language);
  if (code !== undefined && known.includes(code)) return code;
  throw invalidRequest(
    'language',
    `language: the model does not know ${JSON.stringify(language)}; it knows ${known.join(', ')}`,
  );
}

function pieces(strategy: ChunkingStrategy | undefined): SpeechPieces | undefined {
  if (strategy === undefined) return undefined;
  if (strategy === 'auto') return {};
  const seconds = (milliseconds: number | null | undefined): number | undefined =>
    milliseconds === null || milliseconds === undefined ? undefined : milliseconds / 1000;
  return {
    threshold: strategy.threshold ?? undefined,
    silence: seconds(strategy.silence_duration_ms),
    padding: seconds(strategy.prefix_padding_ms),
  };
}
