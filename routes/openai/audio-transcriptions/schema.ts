import { Type, type Static } from 'typebox';
import { nullable } from '#http/schemas/nullable.js';
import { refTo } from '#http/schemas/shared.js';
import { fieldsDescription } from '#routes/shared/peer-fields.js';
import { audioFields } from '../audio/fields.js';
import { audioSchema } from '../audio/schema.js';
import { transcriptionPeerFields } from './peer-fields.js';

const VoiceActivity = Type.Object(
  {
    type: Type.Literal('server_vad'),
    threshold: nullable(
      Type.Number({
        minimum: 0,
        maximum: 1,
        default: 0.5,
        description: 'How certain speech must be. Higher values find less of it where it is noisy.',
      }),
    ),
    silence_duration_ms: nullable(
      Type.Integer({
        minimum: 0,
        maximum: 30_000,
        default: 200,
        description: 'How long a silence must be to end a piece, in milliseconds.',
      }),
    ),
    prefix_padding_ms: nullable(
      Type.Integer({
        minimum: 0,
        maximum: 30_000,
        default: 300,
        description: 'Sound in front of a piece that is taken with it, in milliseconds.',
      }),
    ),
  },
  { description: 'Voice activity, with numbers of your own.' },
);

export const TranscriptionRequest = Type.Object(
  {
    ...audioFields,
    timestamp_granularities: nullable(
      Type.Array(Type.Union([Type.Literal('word'), Type.Literal('segment')]), {
        maxItems: 2,
        description:
          'What times are told of, where `response_format` is `verbose_json`: by default of segments. Words take more time.',
      }),
    ),
    include: nullable(
      Type.Array(Type.Literal('logprobs'), {
        maxItems: 1,
        description:
          'What to tell more, where `response_format` is `json`: the log-probabilities of the tokens.',
      }),
    ),
    stream: nullable(
      Type.Boolean({
        default: false,
        description:
          'Send the text as it becomes certain, segment by segment, as events. With `verbose_json` there is an event for each segment with its times, too.',
      }),
    ),
    chunking_strategy: nullable(
      Type.Union([Type.Literal('auto'), VoiceActivity], {
        description:
          'Find the pieces with speech in them first, and transcribe them side by side: faster where recordings are long, but no piece knows what was said before. By default windows of 30 seconds are transcribed one after the other, each with what was said before.',
      }),
    ),
  },
  {
    $id: 'TranscriptionRequest',
    description: `Names of lists may end in \`[]\`. ${fieldsDescription(transcriptionPeerFields)}`,
    examples: [{ file: 'talk.mp3', model: 'whisper-base', response_format: 'verbose_json' }],
  },
);

export const transcriptionSchema = audioSchema({
  operationId: 'createTranscription',
  summary: 'Write down what is said',
  description: 'The text of a recording, in the language that is spoken.',
  body: refTo(TranscriptionRequest),
});

export type TranscriptionRequest = Static<typeof TranscriptionRequest>;
