import t from 'tap';
import { srt, vtt } from '#api/transcription/subtitles.js';

const SEGMENTS = [
  { start: 0, end: 2.5, text: ' Ask not' },
  { start: 62.0004, end: 3723.9996, text: ' a --> b ' },
];

// What openai-whisper's WriteSRT and WriteVTT write of the same segments.
t.test('SubRip', async t => {
  t.equal(
    srt(SEGMENTS),
    '1\n00:00:00,000 --> 00:00:02,500\nAsk not\n\n2\n00:01:02,000 --> 01:02:04,000\na -> b\n\n',
  );
  t.equal(srt([]), '');
});

t.test('WebVTT has hours only where there are any', async t => {
  t.equal(
    vtt(SEGMENTS),
    'WEBVTT\n\n00:00.000 --> 00:02.500\nAsk not\n\n01:02.000 --> 01:02:04.000\na -> b\n\n',
  );
  t.equal(vtt([]), 'WEBVTT\n\n');
});
