import type { AudioFault } from './failures.js';
import type { AudioLimits } from './types.js';
import type { MessagePort } from 'node:worker_threads';

/** Begins a recording on a thread; all else goes through its port, whose closing ends it. */
export interface Opening {
  readonly port: MessagePort;
  readonly limits: AudioLimits;
}

/** To the thread. */
export type ToDecoder =
  /** The next bytes of the file, as they were asked for; undefined: that was all. */
  | { readonly type: 'bytes'; readonly bytes: Uint8Array<ArrayBuffer> | undefined }
  /** A block was taken. */
  | { readonly type: 'taken' };

/** From the thread. */
export type FromDecoder =
  | { readonly type: 'wanted' }
  | { readonly type: 'block'; readonly samples: Float32Array<ArrayBuffer> }
  /** The end; without a fault all has been decoded. */
  | { readonly type: 'end'; readonly fault?: AudioFault | 'internal'; readonly message?: string };

/** Blocks that are decoded ahead of who reads them. */
export const BLOCKS_AHEAD = 4;
