import { availableParallelism } from 'node:os';
import { PictureReader } from '#api/pictures/picture-reader.js';
import { PictureThreads } from '#vision/picture-threads.js';
import { PictureSources } from '#vision/sources.js';
import type { PictureLimits, PictureService } from '#vision/types.js';

/** What the operator says of pictures in requests. */
export interface PictureSettings extends PictureLimits {
  /** Hosts whose http(s) addresses are read; none by default. */
  readonly hosts: readonly string[];
  /** Pictures of one request. */
  readonly most: number;
}

export const DEFAULT_PICTURES: PictureSettings = {
  hosts: [],
  most: 128,
  maxBytes: 16 * 2 ** 20,
  maxPixels: 32e6,
};

/** Milliseconds for a picture of another host. */
const TIME_LIMIT = 10_000;

/** Half of the processor's threads: the models want the others. Two, so that nobody waits for one large picture alone. */
const THREADS = Math.max(2, availableParallelism() >> 1);

/** Reads the pictures of requests on threads, which start with the first of them. */
export class PictureReading {
  readonly reader: PictureReader;
  #threads: Promise<PictureThreads> | undefined;

  /** @throws KvasirError `invalid_configuration` where a host is none */
  constructor({ hosts, maxBytes, maxPixels }: PictureSettings) {
    const sources = new PictureSources({ hosts, maxBytes, timeLimit: TIME_LIMIT });
    const service: PictureService = {
      read: async (...args) => {
        this.#threads ??= PictureThreads.open({ maxBytes, maxPixels }, THREADS);
        return (await this.#threads).read(...args);
      },
    };
    this.reader = new PictureReader(service, (...args) => sources.read(...args), THREADS);
  }

  async close(): Promise<void> {
    await (await this.#threads?.catch(() => undefined))?.close();
  }
}
