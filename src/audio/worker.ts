import { parentPort, type MessagePort } from 'node:worker_threads';
import { Turns } from '#turns.js';
import { ByteReader } from './byte-reader.js';
import { AudioFailure } from './failures.js';
import { BLOCKS_AHEAD, placeOf, type FromDecoder, type Opening, type ToDecoder } from './protocol.js';
import { decodeRecording } from './recording.js';

parentPort!.on('message', (opening: Opening) => void serve(opening));

/** Nobody waits for the recording any more. */
class Closed extends Error {
  override readonly name = 'Closed';
}

/** Decodes one recording, in turns with others. */
async function serve({ port, limits, blocks }: Opening): Promise<void> {
  const remote = new Remote(port, blocks);
  try {
    const turns = new Turns();
    for await (const block of decodeRecording(new ByteReader(() => remote.pull()), limits)) {
      await remote.send(block);
      if (turns.isOver) await turns.next();
    }
    remote.end({ type: 'end' });
  } catch (error) {
    if (error instanceof Closed) return;
    const { message } = error as Error;
    remote.end({ type: 'end', fault: error instanceof AudioFailure ? error.fault : 'internal', message });
  }
}

/** The other end: it has the file, and takes the sound. */
class Remote {
  readonly #port: MessagePort;
  readonly #blocks: SharedArrayBuffer;
  readonly #pieces: (Uint8Array | undefined)[] = [];
  /** Blocks that were handed over, and those of them that are not taken yet. */
  #sent = 0;
  #ahead = 0;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(port: MessagePort, blocks: SharedArrayBuffer) {
    this.#port = port;
    this.#blocks = blocks;
    port.on('message', (message: ToDecoder) => {
      if (message.type === 'taken') this.#ahead--;
      else this.#pieces.push(message.bytes);
      this.#wake?.();
    });
    port.on('close', () => {
      this.#isClosed = true;
      this.#wake?.();
    });
  }

  /** @throws Closed */
  async pull(): Promise<Uint8Array | undefined> {
    this.#post({ type: 'wanted' });
    await this.#until(() => this.#pieces.length > 0);
    return this.#pieces.shift();
  }

  /** Hands a block over, and waits while there are too many ahead. @throws Closed */
  async send(samples: Float32Array): Promise<void> {
    placeOf(this.#blocks, this.#sent++).set(samples);
    this.#ahead++;
    this.#post({ type: 'block', length: samples.length });
    await this.#until(() => this.#ahead < BLOCKS_AHEAD);
  }

  end(message: FromDecoder): void {
    this.#post(message);
  }

  #post(message: FromDecoder): void {
    this.#port.postMessage(message);
  }

  async #until(isMet: () => boolean): Promise<void> {
    while (!this.#isClosed && !isMet()) {
      await new Promise<void>(resolve => (this.#wake = resolve));
      this.#wake = undefined;
    }
    if (this.#isClosed) throw new Closed();
  }
}
