import { Type, type Static, type TSchema } from 'typebox';
import { errorResponses, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

const EXAMPLE = {
  text: 'Ask not what your country can do for you.',
  usage: { type: 'duration', seconds: 4 },
};

const TranscriptUsage = Type.Object(
  {
    type: Type.Literal('duration'),
    seconds: Type.Integer({ description: 'Length of the recording, rounded up.' }),
  },
  { $id: 'TranscriptUsage' },
);

const TranscriptToken = Type.Object(
  {
    token: Type.String(),
    bytes: Type.Array(Type.Integer(), { description: 'Of its UTF-8 form; a token may be half a character.' }),
    logprob: Type.Number({ description: 'Natural logarithm of its probability.' }),
  },
  { $id: 'TranscriptToken' },
);

const TranscriptWord = Type.Object(
  {
    word: Type.String(),
    start: Type.Number({ description: 'Seconds.' }),
    end: Type.Number({ description: 'Seconds.' }),
    probability: Type.Number(),
  },
  { $id: 'TranscriptWord' },
);

const TranscriptSegment = Type.Object(
  {
    id: Type.Integer({ description: 'Counted from 0.' }),
    seek: Type.Integer({ description: 'Where its window began, in hundredths of a second.' }),
    start: Type.Number({ description: 'Seconds.' }),
    end: Type.Number({ description: 'Seconds.' }),
    text: Type.String(),
    tokens: Type.Array(Type.Integer(), { description: 'Their ids, those of times included.' }),
    temperature: Type.Number({ description: 'At which its window succeeded.' }),
    avg_logprob: Type.Number({ description: "Mean of its window's tokens; below -1 it may be wrong." }),
    compression_ratio: Type.Number({ description: "Of its window's text; above 2.4 it may repeat itself." }),
    no_speech_prob: Type.Number({ description: 'Probability that nothing is said in its window.' }),
  },
  { $id: 'TranscriptSegment' },
);

const usageField = refTo(TranscriptUsage);

const Transcript = Type.Object(
  {
    text: Type.String(),
    logprobs: Type.Optional(Type.Array(refTo(TranscriptToken), { description: 'With `include` only.' })),
    usage: usageField,
  },
  {
    $id: 'Transcript',
    examples: [EXAMPLE],
  },
);

const VerboseTranscript = Type.Object(
  {
    task: Type.Union([Type.Literal('transcribe'), Type.Literal('translate')]),
    language: Type.String({ description: 'English name of the language of the text, such as `english`.' }),
    duration: Type.Number({ description: 'Of the recording, in seconds.' }),
    text: Type.String(),
    segments: Type.Optional(
      Type.Array(refTo(TranscriptSegment), { description: 'Unless words alone are asked for.' }),
    ),
    words: Type.Optional(
      Type.Array(refTo(TranscriptWord), { description: 'Where `timestamp_granularities` has `word`.' }),
    ),
    usage: usageField,
  },
  { $id: 'VerboseTranscript' },
);

const TranscriptEvent = Type.Union(
  [
    Type.Object({
      type: Type.Literal('transcript.text.delta'),
      delta: Type.String({ description: 'What the text goes on with.' }),
      logprobs: Type.Optional(Type.Array(refTo(TranscriptToken))),
    }),
    Type.Intersect([
      Type.Object({ type: Type.Literal('transcript.text.segment') }),
      refTo(TranscriptSegment),
      Type.Object({ words: Type.Optional(Type.Array(refTo(TranscriptWord))) }),
    ]),
    Type.Object({
      type: Type.Literal('transcript.text.done'),
      text: Type.String({ description: 'The whole text.' }),
      logprobs: Type.Optional(Type.Array(refTo(TranscriptToken))),
      language: Type.Optional(Type.String({ description: 'With `verbose_json`.' })),
      duration: Type.Optional(Type.Number({ description: 'With `verbose_json`.' })),
      usage: usageField,
    }),
  ],
  {
    $id: 'TranscriptEvent',
    examples: [{ type: 'transcript.text.delta', delta: 'Ask not what your country' }],
  },
);

/** Of both endpoints, to be made known before their routes. */
export const transcriptSchemas = [
  TranscriptUsage,
  TranscriptToken,
  TranscriptWord,
  TranscriptSegment,
  Transcript,
  VerboseTranscript,
  TranscriptEvent,
];

/** The schema of an endpoint that takes a recording. */
export function audioSchema<B extends TSchema>(own: {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly body: B;
}) {
  return {
    ...own,
    description: `${own.description} Times are in seconds from the beginning of the recording.`,
    tags: ['Speech'],
    consumes: ['multipart/form-data'],
    response: {
      200: {
        description: 'The transcript, as `response_format` says, or its events where `stream` is true.',
        content: {
          'application/json': {
            schema: Type.Union([refTo(VerboseTranscript), refTo(Transcript)]),
            example: EXAMPLE,
          },
          'text/plain': { schema: Type.String(), example: `${EXAMPLE.text}\n` },
          'text/event-stream': { schema: refTo(TranscriptEvent) },
        },
      },
      ...errorResponses(MODEL_ERRORS),
    },
  };
}

export type TranscriptToken = Static<typeof TranscriptToken>;
export type TranscriptSegment = Static<typeof TranscriptSegment>;
export type TranscriptWord = Static<typeof TranscriptWord>;
export type Transcript = Static<typeof Transcript>;
export type VerboseTranscript = Static<typeof VerboseTranscript>;
export type TranscriptEvent = Static<typeof TranscriptEvent>;
