import { crc32, deflateSync } from 'node:zlib';
import type { Picture } from '#vision/types.js';

/** Red, green and blue, from 0 to 255. */
export type Colour = readonly [number, number, number];

/** A picture of one colour as a PNG file. */
export function plainPng(colour: Colour, width = 8, height = 8): Buffer {
  const pixels = Uint8Array.from({ length: 3 * width * height }, (_, i) => colour[i % 3]!);
  return pngOf({ width, height, pixels });
}

/** A picture as a PNG file. */
export function pngOf({ width, height, pixels }: Picture): Buffer {
  const row = 3 * width;
  const lines = Array.from({ length: height }, (_, y) => [
    // No filter.
    Buffer.of(0),
    pixels.subarray(y * row, (y + 1) * row),
  ]);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  // 8 bits, red, green and blue.
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.concat(lines.flat()))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** A file as a `data:` URL. */
export function dataUrl(file: Uint8Array, type = 'image/png'): string {
  return `data:${type};base64,${Buffer.from(file).toString('base64')}`;
}
