import { KvasirError } from '#errors.js';
import { decodeOnThread } from './decode-on-thread.js';
import { AudioFailure } from './failures.js';
import { findFfmpeg, Transcoder } from './ffmpeg.js';
import { READABLE } from './formats/forms.js';
import { Rewindable } from './rewindable.js';
import { AudioThreads } from './threads.js';
import type { AudioLimits, DecodedAudio } from './types.js';

const THREADS = new AudioThreads();

/**
 * Decodes a recording on a thread as its bytes come in: what its form is, its first bytes tell. Forms that are not
 * known here are left to an `ffmpeg` on the PATH, if there is one.
 *
 * @param file its bytes, in pieces of any length; read once, and left where the sound is not read to its end.
 * @param signal ends the work, with `cancelled`.
 */
export function decodeAudio(
  file: AsyncIterable<Uint8Array>,
  limits: AudioLimits,
  signal?: AbortSignal,
): DecodedAudio {
  return { samples: { [Symbol.asyncIterator]: () => decode(file, limits, signal) } };
}

async function* decode(
  file: AsyncIterable<Uint8Array>,
  limits: AudioLimits,
  signal: AbortSignal | undefined,
): AsyncGenerator<Float32Array, void, undefined> {
  const bytes = new Rewindable(file);
  try {
    for await (const samples of decodeOnThread(THREADS, bytes, limits, signal)) {
      bytes.forget();
      yield samples;
    }
  } catch (error) {
    if (!(error instanceof AudioFailure)) throw error;
    if (error.fault !== 'unknown') throw refusalOf(error);
    yield* decodeElsewhere(bytes, limits, signal, error);
  } finally {
    bytes.close();
  }
}

/** @param failure why it could not be decoded here. */
async function* decodeElsewhere(
  bytes: Rewindable,
  limits: AudioLimits,
  signal: AbortSignal | undefined,
  failure: AudioFailure,
): AsyncGenerator<Float32Array, void, undefined> {
  const program = findFfmpeg();
  if (program === undefined || !bytes.rewind()) throw refusalOf(failure, program === undefined);
  const transcoder = new Transcoder(program, bytes, limits);
  try {
    yield* decodeOnThread(THREADS, transcoder, limits, signal);
  } catch (error) {
    if (!(error instanceof AudioFailure)) throw error;
    throw refusalOf(error.fault === 'too_long' ? error : failure);
  } finally {
    transcoder.close();
  }
}

/** @param wantsProgram whether another program might read it, which is not there. */
function refusalOf(failure: AudioFailure, wantsProgram = false): KvasirError {
  const message = `the file ${failure.message}`;
  const param = 'file';
  if (failure.fault === 'too_long') return new KvasirError('body_too_large', message, { param });
  if (failure.fault === 'broken') return new KvasirError('invalid_request', message, { param });
  const others = wantsProgram ? '; others (m4a, mp4, aac) where ffmpeg is installed on the server' : '';
  return new KvasirError('invalid_request', `${message}; ${READABLE} can be read${others}`, { param });
}
