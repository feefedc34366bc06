import { asksForLogprobs, asksForWords, type TranscriptionFields } from '#api/transcription/fields.js';
import { TranscriptText } from '#api/transcription/transcript.js';
import type { TranscriptionEvent, TranscriptionRequest } from '#speech/types.js';
import { durationUsage, segmentTokens, segmentWords, textLanguage, verboseSegment } from './answer.js';
import type * as Body from './schema.js';

/** The events of a transcript as it comes; one with times for each segment where it is to be verbose. */
export async function* transcriptEvents(
  task: TranscriptionRequest['task'],
  fields: TranscriptionFields,
  events: AsyncIterable<TranscriptionEvent>,
): AsyncGenerator<Body.TranscriptEvent> {
  const isVerbose = fields.response_format === 'verbose_json';
  const withLogprobs = asksForLogprobs(fields);
  const text = new TranscriptText();
  const tokens: Body.TranscriptToken[] = [];
  let language = '';
  for await (const event of events)
    switch (event.type) {
      case 'language':
        language = textLanguage(task, event.language);
        break;
      case 'segment': {
        const { segment } = event;
        const logprobs = withLogprobs ? segmentTokens(segment) : [];
        tokens.push(...logprobs);
        yield {
          type: 'transcript.text.delta',
          delta: text.add(segment.text),
          ...(withLogprobs && { logprobs }),
        };
        if (isVerbose)
          yield {
            type: 'transcript.text.segment',
            ...verboseSegment(segment),
            ...(asksForWords(fields) && { words: segmentWords(segment) }),
          };
        break;
      }
      case 'done':
        yield {
          type: 'transcript.text.done',
          text: text.text,
          ...(withLogprobs && { logprobs: tokens }),
          ...(isVerbose && { language, duration: event.duration }),
          usage: durationUsage(event.duration),
        };
    }
}
