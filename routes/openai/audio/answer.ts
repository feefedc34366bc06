import type { FastifyReply } from 'fastify';
import {
  asksForLogprobs,
  asksForSegments,
  asksForWords,
  type TranscriptionFields,
} from '#api/transcription/fields.js';
import { srt, vtt } from '#api/transcription/subtitles.js';
import type { Transcript } from '#api/transcription/transcript.js';
import { languageName } from '#speech/languages.js';
import type { SpeechSegment, TranscriptionRequest } from '#speech/types.js';
import type * as Body from './schema.js';

/** What is answered, and in which form: text, or an object to be written as JSON. */
export function transcriptAnswer(
  reply: FastifyReply,
  task: TranscriptionRequest['task'],
  fields: TranscriptionFields,
  transcript: Transcript,
): string | Body.Transcript | Body.VerboseTranscript {
  switch (fields.response_format ?? 'json') {
    case 'json':
      return plain(fields, transcript);
    case 'verbose_json':
      return verbose(task, fields, transcript);
    case 'text':
      return asText(reply, `${transcript.text}\n`);
    case 'srt':
      return asText(reply, srt(transcript.segments));
    case 'vtt':
      return asText(reply, vtt(transcript.segments));
  }
}

function asText(reply: FastifyReply, text: string): string {
  void reply.type('text/plain; charset=utf-8');
  return text;
}

function plain(fields: TranscriptionFields, { text, segments, duration }: Transcript): Body.Transcript {
  return {
    text,
    ...(asksForLogprobs(fields) && { logprobs: segments.flatMap(segmentTokens) }),
    usage: durationUsage(duration),
  };
}

function verbose(
  task: TranscriptionRequest['task'],
  fields: TranscriptionFields,
  { language, duration, text, segments }: Transcript,
): Body.VerboseTranscript {
  return {
    task,
    language: textLanguage(task, language),
    duration,
    text,
    ...(asksForSegments(fields) && { segments: segments.map(verboseSegment) }),
    ...(asksForWords(fields) && { words: segments.flatMap(segmentWords) }),
    usage: durationUsage(duration),
  };
}

/** English name of the language that a text is in. */
export function textLanguage(task: TranscriptionRequest['task'], spoken: string): string {
  return languageName(task === 'translate' ? 'en' : spoken);
}

export function durationUsage(seconds: number): Body.Transcript['usage'] {
  return { type: 'duration', seconds: Math.ceil(seconds) };
}

export function verboseSegment(segment: SpeechSegment): Body.TranscriptSegment {
  const { id, seek, start, end, text, tokens, temperature } = segment;
  return {
    id,
    seek,
    start,
    end,
    text,
    tokens: [...tokens],
    temperature,
    avg_logprob: segment.avgLogprob,
    compression_ratio: segment.compressionRatio,
    no_speech_prob: segment.noSpeechProb,
  };
}

export function segmentWords({ words = [] }: SpeechSegment): Body.TranscriptWord[] {
  return words.map(({ word, start, end, probability }) => ({ word: word.trim(), start, end, probability }));
}

export function segmentTokens({ logprobs = [] }: SpeechSegment): Body.TranscriptToken[] {
  return logprobs.map(({ token, bytes, logprob }) => ({ token, bytes: [...bytes], logprob }));
}
