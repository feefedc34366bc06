import { decodeAudio } from '#audio/decode-audio.js';
import { SAMPLE_RATE } from '#audio/types.js';
import type { SpeechModel } from '#registry/types.js';
import type { TranscriptionEvent, TranscriptionRequest } from '#speech/types.js';

/** What a transcription is bound by, and whom it tells. */
export interface TranscribeOptions {
  /** Longest recording, in seconds. */
  readonly maxSeconds: number;
  readonly signal: AbortSignal;
  /** Told how many seconds were heard, each time that there are more; what it throws ends the transcription. */
  readonly onHeard: (seconds: number) => void;
  /** Told at the end how long the recording was, and how long it took from its first byte on, both in seconds. */
  readonly onDone: (duration: number, seconds: number) => void;
}

/**
 * Transcribes a file as it is decoded.
 *
 * @throws KvasirError `invalid_request` at once for what the model cannot do; from the iterator what
 * `decodeAudio`, the model and `onHeard` throw
 */
export function transcribe(
  { speech }: SpeechModel,
  file: AsyncIterable<Uint8Array>,
  request: TranscriptionRequest,
  { maxSeconds, signal, onHeard, onDone }: TranscribeOptions,
): AsyncIterable<TranscriptionEvent> {
  const started = performance.now();
  const sound = counted(() => decodeAudio(file, { maxSeconds }, signal).samples, onHeard);
  const events = speech.transcribe(sound, request, signal);
  return watched(events, duration => onDone(duration, (performance.now() - started) / 1000));
}

/** @param open called when somebody begins to read. */
async function* counted(
  open: () => AsyncIterable<Float32Array>,
  onHeard: (seconds: number) => void,
): AsyncGenerator<Float32Array> {
  let heard = 0;
  for await (const block of open()) {
    heard += block.length;
    onHeard(heard / SAMPLE_RATE);
    yield block;
  }
}

async function* watched(
  events: AsyncIterable<TranscriptionEvent>,
  onDone: (duration: number) => void,
): AsyncGenerator<TranscriptionEvent> {
  for await (const event of events) {
    if (event.type === 'done') onDone(event.duration);
    yield event;
  }
}
