import { invalidRequest } from '#errors.js';

/** Samples beyond this, however loud `[-1, 1]` is played, are no sound: their powers are no numbers any more. */
const LOUDEST = 1e9;

/** @throws KvasirError `invalid_request` for samples that are no numbers, or beyond all loudness. */
export function requireSound(samples: Float32Array): void {
  if (!samples.every(sample => Math.abs(sample) <= LOUDEST))
    throw invalidRequest('file', 'the recording has samples that are no numbers, or beyond all loudness');
}
