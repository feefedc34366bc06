/** What is wrong with a recording. */
export type AudioFault =
  /** Its form is none that can be read here; another program might. */
  | 'unknown'
  /** It is broken, or has no sound in it. */
  | 'broken'
  | 'too_long';

/** A recording that cannot be decoded; the message is a sentence's end: `the file ${message}`. */
export class AudioFailure extends Error {
  override readonly name = 'AudioFailure';
  readonly fault: AudioFault;

  constructor(fault: AudioFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** The file ends where more was to come. */
export class EndOfFile extends Error {
  override readonly name = 'EndOfFile';
}

export function broken(message: string): AudioFailure {
  return new AudioFailure('broken', message);
}

export function unknown(message: string): AudioFailure {
  return new AudioFailure('unknown', message);
}
