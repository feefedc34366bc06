import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { invalidRequest, KvasirError } from '#errors.js';
import { checkFile } from './decode.js';
import type { PictureJob, PictureResult } from './picture-worker.js';
import { loadSharp } from './sharp.js';
import type { Picture, PictureLimits, PictureService, Preprocessing } from './types.js';

/** Half of the processor's: the models want the others. Two, so that nobody waits for one large picture alone. */
const WIDTH = Math.max(2, availableParallelism() >> 1);

/** Reads pictures on threads, those first that came first. */
export class PictureThreads implements PictureService {
  readonly #limits: PictureLimits;
  readonly #width: number;
  readonly #piscina: Piscina<PictureJob, PictureResult>;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  private constructor(limits: PictureLimits, width: number) {
    this.#limits = limits;
    this.#width = width;
    this.#piscina = new Piscina({
      filename: new URL('./picture-worker.js', import.meta.url).href,
      minThreads: 0,
      maxThreads: width,
      idleTimeout: Infinity,
    });
  }

  /**
   * @param width pictures that are read at once.
   * @throws KvasirError `runtime_unavailable` where the package that decodes is absent
   */
  static async open(limits: PictureLimits, width = WIDTH): Promise<PictureThreads> {
    await loadSharp();
    return new PictureThreads(limits, width);
  }

  async read(
    file: Uint8Array,
    { background, resize, crop }: Preprocessing,
    param: string,
    signal?: AbortSignal,
  ): Promise<Picture> {
    checkFile(file, this.#limits, param);
    await this.#turn(signal);
    const job = { file, preprocessing: { background, resize, crop }, limits: this.#limits, param };
    const reading = this.#piscina.run(job).finally(() => this.#leave());
    const result = await unlessAborted(reading, signal);
    if ('refusal' in result) throw invalidRequest(param, result.refusal);
    return result;
  }

  /** Ends the threads. No picture may be wanted any more. */
  async close(): Promise<void> {
    await this.#piscina.destroy();
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) throw cancelled();
    if (this.#running < this.#width) {
      this.#running++;
      return;
    }
    let begin!: () => void;
    const turn = new Promise<void>(resolve => (begin = resolve));
    this.#waiting.add(begin);
    try {
      await unlessAborted(turn, signal);
    } catch (error) {
      // Its turn may have come in the same moment.
      if (!this.#waiting.delete(begin)) this.#leave();
      throw error;
    }
  }

  /** Gives one's place to the next that waits. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

/** The result, or `cancelled` as soon as nobody waits for it; the work itself goes on. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled());
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) onAbort();
  });
}

function cancelled(): KvasirError {
  return new KvasirError('cancelled', 'the request was cancelled');
}
