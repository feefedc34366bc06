import type { FastifyRequest } from 'fastify';
import { readPictures } from '#api/pictures/read-pictures.js';
import type { PictureOptions } from '#http/route-options.js';
import type { Model } from '#registry/types.js';
import type { VisionModel } from '#registry/vision-types.js';
import { RequestPictures } from '#routes/shared/request-pictures.js';
import { refuse } from '#tensors/refusal.js';
import type { NamedTensor } from '#tensors/types.js';

/** The input of models that see for files of pictures, in place of their pixels. */
export const FILES = { name: 'image', datatype: 'BYTES', shape: [-1] } as const;

/** Makes the pixels of files, or of addresses of such. */
export type FileReader = (files: readonly (string | Uint8Array)[]) => Promise<NamedTensor>;

export function sees(model: Model): model is VisionModel {
  return 'vision' in model;
}

/** Reads the files of a request as its model takes them. */
export function pictureFiles(
  request: FastifyRequest,
  { vision, tensors }: VisionModel,
  options: PictureOptions,
): FileReader {
  const pictures = new RequestPictures(request, options);
  const { name, type } = tensors.inputs.find(port => port.type === 'uint8')!;
  return async files => {
    const sources = files.map((file, index) => pictures.source(`${FILES.name}[${index}]`, file));
    const { width, height } = vision.size;
    const size = 3 * width * height;
    const data = new Uint8Array(files.length * size);
    const read = await readPictures(sources, vision.preprocessing, request.scope);
    read.forEach(({ pixels }, index) => data.set(pixels, index * size));
    return { name, type, shape: [files.length, height, width, 3], data };
  };
}

/**
 * The elements of a BYTES tensor: each has its length in front, in 4 bytes, little-endian.
 *
 * @throws KvasirError `invalid_request`
 */
export function byteElements(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const elements: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = start + 4 <= bytes.length ? start + 4 + view.getUint32(start, true) : Infinity;
    if (end > bytes.length) refuse(`input '${FILES.name}' ends within an element`);
    elements.push(bytes.subarray(start + 4, end));
    start = end;
  }
  return elements;
}
