import type { SpeechSegment, TranscriptionEvent } from '#speech/types.js';

/** What is said in a recording. */
export interface Transcript {
  /** Code of the language that is spoken. */
  readonly language: string;
  /** Of the recording, in seconds. */
  readonly duration: number;
  readonly text: string;
  readonly segments: readonly SpeechSegment[];
}

/** The text of segments as it grows: without white space before and behind it. */
export class TranscriptText {
  #written = '';
  /** White space that belongs to the text only if something follows. */
  #held = '';

  /** All of it. */
  get text(): string {
    return this.#written;
  }

  /** @returns what a segment's text adds to it. */
  add(text: string): string {
    const whole = this.#held + text;
    const begun = this.#written === '' ? whole.trimStart() : whole;
    const delta = begun.trimEnd();
    this.#held = begun.slice(delta.length);
    this.#written += delta;
    return delta;
  }
}

/** Waits for the whole transcript. @throws what `events` throws */
export async function wholeTranscript(events: AsyncIterable<TranscriptionEvent>): Promise<Transcript> {
  const segments: SpeechSegment[] = [];
  const text = new TranscriptText();
  let language = '';
  let duration = 0;
  for await (const event of events)
    switch (event.type) {
      case 'language':
        language = event.language;
        break;
      case 'segment':
        segments.push(event.segment);
        text.add(event.segment.text);
        break;
      case 'done':
        duration = event.duration;
    }
  return { language, duration, text: text.text, segments };
}
