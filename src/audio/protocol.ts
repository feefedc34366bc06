import type { AudioFault } from './failures.js';
import { SAMPLE_RATE, type AudioLimits } from './types.js';
import type { MessagePort } from 'node:worker_threads';

/** Begins a recording on a thread; all else goes through its port, whose closing ends it. */
export interface Opening {
  readonly port: MessagePort;
  readonly limits: AudioLimits;
  /**
   * Places of {@link BLOCKS_AHEAD} blocks, which are filled in turns: memory that all blocks share, since each of their own
   * would be there until garbage is collected.
   */
  readonly blocks: SharedArrayBuffer;
}

/** To the thread. */
export type ToDecoder =
  /** The next bytes of the file, as they were asked for; undefined: that was all. */
  | { readonly type: 'bytes'; readonly bytes: Uint8Array<ArrayBuffer> | undefined }
  /** The oldest block is not needed any more. */
  | { readonly type: 'taken' };

/** From the thread. */
export type FromDecoder =
  | { readonly type: 'wanted' }
  /** The next place has so many samples. */
  | { readonly type: 'block'; readonly length: number }
  /** The end; without a fault all has been decoded. */
  | { readonly type: 'end'; readonly fault?: AudioFault | 'internal'; readonly message?: string };

/** Blocks that are decoded ahead of who reads them. */
export const BLOCKS_AHEAD = 4;

/** Samples of a block: a second. */
export const BLOCK = SAMPLE_RATE;

/** The place of a block, counted from 0. */
export function placeOf(blocks: SharedArrayBuffer, count: number, length = BLOCK): Float32Array {
  const begin = (count % BLOCKS_AHEAD) * BLOCK * Float32Array.BYTES_PER_ELEMENT;
  return new Float32Array(blocks, begin, length);
}
