import t from 'tap';
import type { VoiceDetector } from '#model/speech/voice-detector.js';
import { DetectedPieces } from '#speech/pieces/detected-pieces.js';

/** Hears speech in windows whose first sample is above 0. */
const detector: VoiceDetector = {
  step: 512,
  open: () => {
    const samples: number[] = [];
    return {
      append: async block => block.forEach(sample => samples.push(sample)),
      end: async () =>
        Float32Array.from({ length: Math.ceil(samples.length / 512) }, (_, window) =>
          samples[window * 512]! > 0 ? 1 : 0,
        ),
    };
  },
  dispose: () => undefined,
};

t.test('pieces hold the speech of a recording, and no more than a window each', async t => {
  const seconds = (from: number, to: number, level: number): Float32Array =>
    new Float32Array((to - from) * 16_000).fill(level);
  const finder = new DetectedPieces(detector, { padding: 0.5 }, 3000);
  for (const block of [
    seconds(0, 5, 0),
    seconds(5, 8, 1),
    seconds(8, 20, 0),
    seconds(20, 33, 1),
    seconds(33, 60, 0),
    seconds(60, 130, 1),
  ])
    await finder.append(block);
  const pieces = await finder.pieces(13_000);
  t.equal(pieces.length, 4);
  const [first, second] = pieces;
  t.ok(
    Math.abs(first!.begin - 450) < 6 && Math.abs(first!.end - 3350) < 6,
    'two stretches of speech are one piece',
  );
  t.ok(Math.abs(second!.begin - 5950) < 6);
  t.equal(pieces.at(-1)!.end, 13_000);
  pieces.forEach(({ begin, end }, index) => {
    t.ok(end - begin <= 3000);
    t.ok(begin >= (pieces[index - 1]?.end ?? 0));
  });
});
