import fc from 'fast-check';
import t from 'tap';
import { TranscriptText, wholeTranscript } from '#api/transcription/transcript.js';
import type { TranscriptionEvent } from '#speech/types.js';
import { segment } from '#test/support/fake-speech.js';

const texts = fc.array(fc.oneof(fc.string(), fc.stringMatching(/^[ \n]*[ab]?[ \n]*$/)));

t.test('deltas are the text of all segments, without white space around it', async () => {
  fc.assert(
    fc.property(texts, parts => {
      const text = new TranscriptText();
      const deltas = parts.map(part => text.add(part));
      return text.text === parts.join('').trim() && deltas.join('') === text.text;
    }),
  );
});

t.test('a whole transcript', async t => {
  async function* events(): AsyncGenerator<TranscriptionEvent> {
    yield { type: 'language', language: 'de', probability: 0.9 };
    yield { type: 'segment', segment: segment(0, [0, 1], ' Guten') };
    yield { type: 'segment', segment: segment(1, [1, 2], ' Tag. ') };
    yield { type: 'done', duration: 2.5, tokens: 4 };
  }
  const { segments, ...rest } = await wholeTranscript(events());
  t.strictSame(rest, { language: 'de', duration: 2.5, text: 'Guten Tag.' });
  t.strictSame(
    segments.map(({ id }) => id),
    [0, 1],
  );
});

t.test('what fails in mid-recording fails the whole', async t => {
  async function* events(): AsyncGenerator<TranscriptionEvent> {
    yield { type: 'language', language: 'de', probability: 0.9 };
    throw new Error('cut');
  }
  await t.rejects(wholeTranscript(events()), { message: 'cut' });
});
