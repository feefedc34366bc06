import { KvasirError } from '#errors.js';
import { AudioFailure } from './failures.js';
import { BLOCK, BLOCKS_AHEAD, placeOf, type FromDecoder, type ToDecoder } from './protocol.js';
import type { AudioThreads } from './threads.js';
import type { AudioLimits } from './types.js';

/** Bytes that a thread is given at once. */
const PIECE = 65_536;

/**
 * Decodes a recording on one of the threads.
 *
 * @param bytes of the file; asked for only when they are needed.
 * @returns blocks, each of which is good until the next one is asked for.
 * @throws AudioFailure; KvasirError `cancelled`, `overloaded`; what reading the file throws
 */
export async function* decodeOnThread(
  threads: AudioThreads,
  bytes: AsyncIterator<Uint8Array>,
  limits: AudioLimits,
  signal: AbortSignal | undefined,
): AsyncGenerator<Float32Array, void, undefined> {
  if (signal?.aborted) throw cancelled();
  const arrived: FromDecoder[] = [];
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    wake?.();
  };
  const blocks = new SharedArrayBuffer(BLOCKS_AHEAD * BLOCK * Float32Array.BYTES_PER_ELEMENT);
  const port = threads.open(limits, blocks);
  port.on('close', () =>
    fail(new KvasirError('overloaded', 'the thread that decoded the recording has ended')),
  );
  const post = (message: ToDecoder, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer);
  const pieces = new Pieces(bytes);
  port.on('message', (message: FromDecoder) => {
    if (message.type === 'wanted') {
      pieces
        .next()
        .then(
          piece => post({ type: 'bytes', bytes: piece }, piece === undefined ? [] : [piece.buffer]),
          fail,
        );
      return;
    }
    arrived.push(message);
    wake?.();
  });
  const onAbort = (): void => fail(cancelled());
  signal?.addEventListener('abort', onAbort, { once: true });
  let taken = 0;
  try {
    for (;;) {
      if (failure !== undefined) throw failure.error;
      const message = arrived.shift();
      if (message === undefined) await new Promise<void>(resolve => (wake = resolve));
      else if (message.type === 'block') {
        yield placeOf(blocks, taken++, message.length);
        post({ type: 'taken' });
      } else if (message.type === 'end') {
        const { fault, message: text } = message;
        if (fault === undefined) return;
        throw fault === 'internal' ? new Error(text) : new AudioFailure(fault, text!);
      }
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    port.close();
  }
}

/** A file's bytes, copied into pieces of a size that can be handed over. */
class Pieces {
  readonly #bytes: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(bytes: AsyncIterator<Uint8Array>) {
    this.#bytes = bytes;
  }

  /** @returns undefined at the end. */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (this.#rest.length === 0) {
      const result = await this.#bytes.next();
      if (result.done) return undefined;
      this.#rest = result.value;
    }
    const piece = new Uint8Array(this.#rest.subarray(0, PIECE));
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }
}

function cancelled(): KvasirError {
  return new KvasirError('cancelled', 'the request was cancelled');
}
