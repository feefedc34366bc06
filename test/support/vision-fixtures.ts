import { cp, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PixelInput } from '#model/vision/contract.js';
import type { Fields, ReferencePixels } from '#test/reference/vision.js';
import { fixtureFloats } from './decoder-fixtures.js';

const FOLDER = fileURLToPath(new URL('../../../test/fixtures/vision/', import.meta.url));

/** A tiny model of pictures, and what transformers gives for it; see `test/fixtures/make_vision.py`. */
export interface VisionFixture {
  readonly name: string;
  readonly folder: string;
  readonly config: Fields;
  readonly pixels: ReferencePixels;
  readonly pictures: readonly PixelInput[];
  /** Of each picture: logits of a classifier, else the vector. */
  readonly values: readonly Float32Array[];
  /** Of two towers. */
  readonly towers:
    | {
        /** Ids, without padding. */
        readonly texts: readonly (readonly number[])[];
        readonly values: readonly Float32Array[];
        /** For each text, of each picture. */
        readonly logits: readonly Float32Array[];
      }
    | undefined;
}

interface Expected {
  readonly width: number;
  readonly height: number;
  readonly pictures: readonly string[];
  readonly values: string;
  readonly texts?: readonly (readonly number[])[];
  readonly textValues: string;
  readonly logits: string;
}

/** All of them. */
export async function readVisionFixtures(): Promise<readonly VisionFixture[]> {
  return Promise.all((await readdir(FOLDER)).sort().map(readVisionFixture));
}

export async function readVisionFixture(name: string): Promise<VisionFixture> {
  const folder = path.join(FOLDER, name);
  const read = async (file: string): Promise<unknown> =>
    JSON.parse(await readFile(path.join(folder, file), 'utf8'));
  const expected = (await read('expected.json')) as Expected;
  const processor = (await read('preprocessor_config.json')) as {
    rescale_factor: number;
    image_mean: number[];
    image_std: number[];
  };
  const { width, height, pictures, texts } = expected;
  return {
    name,
    folder,
    config: (await read('config.json')) as Fields,
    pixels: { scale: processor.rescale_factor, mean: processor.image_mean, deviation: processor.image_std },
    pictures: pictures.map(picture => ({
      width,
      height,
      pixels: new Uint8Array(Buffer.from(picture, 'base64')),
    })),
    values: inRows(fixtureFloats(expected.values), pictures.length),
    towers: texts && {
      texts,
      values: inRows(fixtureFloats(expected.textValues), texts.length),
      logits: inRows(fixtureFloats(expected.logits), texts.length),
    },
  };
}

/** A copy of a fixture's folder, in which graphs may be built. */
export async function copyFixture({ folder }: VisionFixture, target: string): Promise<string> {
  await cp(folder, target, { recursive: true });
  return target;
}

function inRows(values: Float32Array, rows: number): readonly Float32Array[] {
  const width = values.length / rows;
  return Array.from({ length: rows }, (_, i) => values.subarray(i * width, (i + 1) * width));
}

/** The largest difference, relative to the root mean square of what was expected. */
export function difference(actual: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (actual.length !== wanted.length) return Infinity;
  const expected = Array.from(wanted);
  const rms = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0) / expected.length);
  // NaN must not hide behind Math.max.
  return expected.reduce((most, value, i) => {
    const error = Math.abs(value - actual[i]!) / rms;
    return error <= most ? most : error;
  }, 0);
}
