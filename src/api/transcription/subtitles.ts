import type { SpeechSegment } from '#speech/types.js';

type Line = Pick<SpeechSegment, 'start' | 'end' | 'text'>;

/** SubRip, as openai-whisper writes it (`utils.py`, WriteSRT). */
export function srt(segments: readonly Line[]): string {
  return segments
    .map(
      (line, index) => `${index + 1}\n${times(line, seconds => time(seconds, ',', true))}\n${text(line)}\n\n`,
    )
    .join('');
}

/** WebVTT, as openai-whisper writes it (`utils.py`, WriteVTT): hours only where there are any. */
export function vtt(segments: readonly Line[]): string {
  const lines = segments.map(
    line => `${times(line, seconds => time(seconds, '.', false))}\n${text(line)}\n\n`,
  );
  return `WEBVTT\n\n${lines.join('')}`;
}

function times({ start, end }: Line, write: (seconds: number) => string): string {
  return `${write(start)} --> ${write(end)}`;
}

/** Without what would end it. */
function text({ text }: Line): string {
  return text.trim().replaceAll('-->', '->');
}

/** `[HH:]MM:SS.mmm` */
function time(seconds: number, mark: string, withHours: boolean): string {
  const milliseconds = Math.round(seconds * 1000);
  const pad = (value: number, digits: number): string => String(Math.floor(value)).padStart(digits, '0');
  const hours = Math.floor(milliseconds / 3_600_000);
  const minutes = pad((milliseconds / 60_000) % 60, 2);
  const rest = `${pad((milliseconds / 1000) % 60, 2)}${mark}${pad(milliseconds % 1000, 3)}`;
  return `${withHours || hours > 0 ? `${pad(hours, 2)}:` : ''}${minutes}:${rest}`;
}
