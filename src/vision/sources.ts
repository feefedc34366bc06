import { invalidRequest } from '#errors.js';
import { AddressReader, type AddressReaderOptions } from './address-reader.js';
import { readBase64, readDataUrl } from './data-url.js';

/** Where pictures of requests come from: `data:` addresses, and http(s) addresses of hosts that are listed. */
export class PictureSources {
  readonly #maxBytes: number;
  readonly #addresses: AddressReader;

  /** @throws KvasirError `invalid_configuration` */
  constructor(options: AddressReaderOptions) {
    this.#maxBytes = options.maxBytes;
    this.#addresses = new AddressReader(options);
  }

  /**
   * The bytes of a picture's file.
   *
   * @param address a `data:` address, one of http or https, or base64 alone, as some clients send it.
   * @param param the request's field, for errors.
   * @throws KvasirError `invalid_request`, `cancelled`
   */
  async read(address: string, param: string, signal?: AbortSignal): Promise<Uint8Array> {
    if (/^data:/i.test(address)) return readDataUrl(address, param, this.#maxBytes);
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(address.slice(0, 64))?.[1];
    if (scheme === undefined) return readBase64(address, param, this.#maxBytes);
    if (!/^https?$/i.test(scheme)) throw invalidRequest(param, `addresses of ${scheme}: are not read`);
    return this.#addresses.read(address, param, signal);
  }
}
