import { Type } from 'typebox';
import { TRANSCRIPT_FORMATS } from '#api/transcription/fields.js';
import type { UploadedFile } from '#http/forms/uploaded-file.js';
import { described, nullable, nullableEnum } from '#http/schemas/nullable.js';
import { MAX_NAME, modelField } from '#routes/shared/fields.js';

/** Longest prompt in characters: many times what a model reads of it. */
const MAX_PROMPT = 16_384;

/** Most texts of a window that are written at once. */
const MAX_BEAMS = 16;

/** A file of a form; the OpenAPI document calls it binary. */
const FileField = Type.Unsafe<UploadedFile>({ type: 'object', title: 'file' });

/** What a transcription and a translation both take. */
export const audioFields = {
  file: described(
    FileField,
    'The recording: wav, mp3, flac, ogg (Vorbis, Opus), webm, or what else docs/speech.md names. Its form is known by its first bytes, not by its name.',
  ),
  model: modelField('whisper-base'),
  language: nullable(
    Type.String({
      maxLength: MAX_NAME,
      description:
        'The language that is spoken: a code, such as `de`, or its English name. By default it is found out, by the first 30 seconds. Not with a model that does not say which languages it knows (`spoken_languages` of `/v1/models`).',
      examples: ['en'],
    }),
  ),
  prompt: nullable(
    Type.String({
      maxLength: MAX_PROMPT,
      description:
        'A text that might have been said before. The model goes on in its style, and spells names as it does; it reads the last 223 tokens. Only Whisper reads it.',
    }),
  ),
  response_format: nullableEnum(TRANSCRIPT_FORMATS, {
    default: 'json',
    description:
      '`text` is the text alone, `srt` and `vtt` are subtitles, `verbose_json` tells segments and their times; `transcript_formats` of `/v1/models` says which of them a model writes.',
  }),
  temperature: nullable(
    Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0,
      description:
        '0: as certain as can be, and where a window of Whisper fails so (it repeats itself, or is improbable), again at 0.2, 0.4, and so on. Otherwise this temperature.',
    }),
  ),
  beam_size: nullable(
    Type.Integer({
      minimum: 1,
      maximum: MAX_BEAMS,
      default: 1,
      description: 'Hypotheses that are followed at once, at temperature 0. More take longer.',
    }),
  ),
  best_of: nullable(
    Type.Integer({
      minimum: 1,
      maximum: MAX_BEAMS,
      default: 5,
      description: 'Texts that are drawn above temperature 0, of which the most probable one is taken.',
    }),
  ),
  seed: nullable(
    Type.Integer({
      minimum: Number.MIN_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'The same seed and request give the same text, above temperature 0 as well.',
    }),
  ),
};
