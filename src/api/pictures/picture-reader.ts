import type { Caller } from '#caller.js';
import { KvasirError } from '#errors.js';
import { FairTurns } from '#fair-turns.js';
import type { Picture, PictureService, Preprocessing } from '#vision/types.js';
import type { PictureSource } from './picture-source.js';

/**
 * Gets a picture's file from where a request says that it is.
 *
 * @param address a `data:` URL, or one of `http` or `https` where the operator allows its host.
 * @param param the request's field, for errors.
 * @throws KvasirError `invalid_request`, `cancelled`
 */
export type PictureLoader = (address: string, param: string, signal: AbortSignal) => Promise<Uint8Array>;

/** Makes pixels of the pictures of all requests: a few at once, and clients take turns. */
export class PictureReader {
  readonly #service: PictureService;
  readonly #load: PictureLoader;
  readonly #turns: FairTurns;

  /** @param atOnce pictures that the service works on at once. */
  constructor(service: PictureService, load: PictureLoader, atOnce: number) {
    this.#service = service;
    this.#load = load;
    this.#turns = new FairTurns(atOnce);
  }

  /**
   * @param param the field that it comes from, for errors.
   * @param from its file, or the address of it.
   */
  source(param: string, from: string | Uint8Array): PictureSource {
    return {
      param,
      pixels: async (preprocessing, caller) => {
        try {
          return await this.#read(from, preprocessing, param, caller);
        } catch (error) {
          throw named(param, error);
        }
      },
    };
  }

  async #read(
    from: string | Uint8Array,
    preprocessing: Preprocessing,
    param: string,
    caller: Caller,
  ): Promise<Picture> {
    const { signal } = caller;
    const file = typeof from === 'string' ? await this.#load(from, param, signal) : from;
    return this.#turns.run(caller, () => this.#service.read(file, preprocessing, param, signal));
  }
}

/** Says in a refusal which of a request's pictures it is about. */
function named(param: string, error: unknown): unknown {
  if (!(error instanceof KvasirError) || error.param !== param) return error;
  return new KvasirError(error.code, `${param}: ${error.message}`, { param, cause: error });
}
