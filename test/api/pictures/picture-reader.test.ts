import t from 'tap';
import { PictureReader } from '#api/pictures/picture-reader.js';
import { readPictures } from '#api/pictures/read-pictures.js';
import { invalidRequest } from '#errors.js';
import { SQUARE } from '#test/support/fake-vision-model.js';
import type { Picture, PictureService } from '#vision/types.js';

/** A service whose pictures are one pixel of the file's first byte, and end when the test says so. */
class HeldPictures implements PictureService {
  readonly begun: number[] = [];
  readonly #release = new Map<number, () => void>();

  async read(
    file: Uint8Array,
    _preprocessing: unknown,
    param: string,
    signal?: AbortSignal,
  ): Promise<Picture> {
    const value = file[0]!;
    this.begun.push(value);
    await new Promise<void>(resolve => {
      this.#release.set(value, resolve);
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
    if (value === 255) throw invalidRequest(param, 'the file is broken');
    return { width: 1, height: 1, pixels: Uint8Array.of(value, value, value) };
  }

  finish(value: number): void {
    this.#release.get(value)!();
  }
}

const never = new AbortController().signal;
const caller = (client: string, signal = never) => ({ client, signal });
const turn = (): Promise<void> => new Promise(resolve => setImmediate(() => setImmediate(resolve)));
const load = async (address: string): Promise<Uint8Array> => Uint8Array.of(Number(address));

t.test('clients take turns, and a few pictures are read at once', async t => {
  const service = new HeldPictures();
  const reader = new PictureReader(service, load, 2);
  const of = (values: readonly number[]) => values.map(value => reader.source('input', Uint8Array.of(value)));
  const greedy = readPictures(of([1, 2, 3, 4]), SQUARE, caller('a'));
  await turn();
  const other = readPictures(of([9]), SQUARE, caller('b'));
  await turn();
  t.strictSame(service.begun, [1, 2]);
  service.finish(1);
  await turn();
  service.finish(2);
  await turn();
  t.ok(service.begun.slice(0, 4).includes(9), 'the other client waits for one picture at most');
  for (const value of [9, 3, 4]) {
    while (!service.begun.includes(value)) await turn();
    service.finish(value);
  }
  t.strictSame(
    (await greedy).map(({ pixels }) => pixels[0]),
    [1, 2, 3, 4],
  );
  t.equal((await other)[0]!.pixels[0], 9);
});

t.test('addresses are loaded, and errors name the field', async t => {
  const service = new HeldPictures();
  const reader = new PictureReader(service, load, 4);
  const sources = ['7', '255', '8'].map((address, i) => reader.source(`input[${i}].image`, address));
  const reading = readPictures(sources, SQUARE, caller('a'));
  await turn();
  service.finish(255);
  await t.rejects(reading, {
    code: 'invalid_request',
    param: 'input[1].image',
    message: 'input[1].image: the file is broken',
  });
});

t.test('whoever leaves gives the turn back', async t => {
  const service = new HeldPictures();
  const reader = new PictureReader(service, load, 1);
  const leaving = new AbortController();
  const first = readPictures([reader.source('input', '1')], SQUARE, caller('a'));
  await turn();
  const left = readPictures([reader.source('input', '2')], SQUARE, caller('b', leaving.signal));
  await turn();
  leaving.abort();
  await t.rejects(left, { code: 'cancelled' });
  service.finish(1);
  await first;
  const later = readPictures([reader.source('input', '3')], SQUARE, caller('c'));
  await turn();
  service.finish(3);
  t.equal((await later)[0]!.pixels[0], 3);
  t.strictSame(service.begun, [1, 3]);
  await t.rejects(readPictures([reader.source('input', '4')], SQUARE, caller('d', AbortSignal.abort())), {
    code: 'cancelled',
  });
});
