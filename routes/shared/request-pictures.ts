import type { FastifyRequest } from 'fastify';
import type { PictureSource } from '#api/pictures/picture-source.js';
import { invalidRequest } from '#errors.js';
import { attachmentOf } from '#http/attachments.js';
import type { PictureOptions } from '#http/route-options.js';

/** The pictures of one request. */
export class RequestPictures {
  readonly #request: FastifyRequest;
  readonly #options: PictureOptions;
  #count = 0;

  constructor(request: FastifyRequest, options: PictureOptions) {
    this.#request = request;
    this.#options = options;
  }

  /**
   * @param param the field, for errors.
   * @param from its file, or its address as a client gives it.
   * @throws KvasirError `invalid_request` where the request has too many pictures, or the form no such part
   */
  source(param: string, from: string | Uint8Array): PictureSource {
    const { reader, most } = this.#options;
    if (++this.#count > most)
      throw invalidRequest(
        param,
        `${param}: a request may have ${most} pictures at most; the server's setting max_images (--max-images) raises it`,
      );
    if (typeof from !== 'string' || !from.startsWith('cid:')) return reader.source(param, from);
    const file = attachmentOf(this.#request, from.slice('cid:'.length));
    if (file === undefined)
      throw invalidRequest(param, `${param}: there is no part of that name in the form`);
    return reader.source(param, file);
  }
}
