import t from 'tap';
import { placeWords } from '#speech/words/place-words.js';
import { WORDS_FIXTURE } from './words-fixture.js';

t.test('words are put into segments as faster-whisper does', async t => {
  const { end, placements } = WORDS_FIXTURE;
  let moved = 0;
  for (const { timings, segments, offset, lastSpeech, placed } of placements) {
    const result = placeWords(
      segments,
      timings.map(timing => ({ ...timing })),
      { end, offset, lastSpeech },
    );
    const told = result.map(({ start, end, words }) => [
      start,
      end,
      words.map(({ word, start, end, probability }) => [word, start, end, probability]),
    ]);
    t.strictSame(told, placed);
    moved += result.filter(({ start }, index) => start !== segments[index]!.start).length;
  }
  t.ok(moved > 50, 'segments are moved to their words');
});
