import t from 'tap';
import { checkSource } from '#engine/admission.js';
import { sourceOf } from '#engine/source.js';

const sound = (length: number) => ({ sound: { key: 'a', features: new Float32Array(length) } });
const WINDOWS = { longest: 50, vocabularySize: 0, sound: { bins: 2, frames: 100 } };
const SAMPLES = {
  longest: 50,
  vocabularySize: 0,
  sound: { shortest: 10, longest: 500, positions: (samples: number) => Math.floor(samples / 10) },
};

t.test('sound is of the shape that the decoder hears', async t => {
  for (const length of [10, 11, 500]) checkSource(sound(length), SAMPLES);
  checkSource(sound(200), WINDOWS);
  const refusal = (message: RegExp) => ({ code: 'invalid_request', param: 'file', message });
  for (const length of [0, 9, 501])
    t.throws(() => checkSource(sound(length), SAMPLES), refusal(/hears 10 to 500 at once/));
  t.throws(() => checkSource(sound(199), WINDOWS), refusal(/199 features, expected 2 for each of 100/));
  t.throws(() => checkSource(sound(1), { longest: 50, vocabularySize: 9 }), refusal(/hears nothing/));
  t.throws(() => checkSource({}, SAMPLES), refusal(/needs something to hear/));
});

t.test('a window takes all positions, and samples as many as are made of them', async t => {
  t.strictSame(sourceOf(sound(200), WINDOWS), { key: 'a', length: 50 });
  t.strictSame(sourceOf(sound(123), SAMPLES), { key: 'a', length: 12 });
});
