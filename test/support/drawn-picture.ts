import type { Picture } from '#vision/types.js';

/** The picture that `test/fixtures/make_pictures.py` draws: edges and gradients, by formula. */
export function drawnPicture(width: number, height: number): Picture {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++, at++)
        pixels[at] = Math.floor((x * x * 3 + y * y * 5 + x * y * 7 * (c + 1) + 31 * c) / 4) % 256;
  return { width, height, pixels };
}
