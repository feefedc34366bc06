import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openDecoder } from '#bench/support/open-decoder.js';
import { Environment } from '#runtime/index.js';
import { DECODER_FIXTURES, fixtureFloats, readFixture } from '#test/support/decoder-fixtures.js';
import { decode, prefill, run } from '#test/support/run-decoder.js';

/** The logits that transformers gives, see `test/fixtures/make_decoders.py`. */
interface Expected {
  readonly ids: readonly number[];
  /** `[positions, vocabulary]` */
  readonly shape: readonly [number, number];
  /** Float32, as base64. */
  readonly logits: string;
}

/** The largest difference, relative to the root mean square of what was expected. */
function difference(actual: Float32Array, wanted: Float32Array): number {
  if (actual.length !== wanted.length) return Infinity;
  const rms = Math.sqrt(wanted.reduce((sum, value) => sum + value * value, 0) / wanted.length);
  return wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!) / rms), 0);
}

const environment = new Environment();

for (const name of await readdir(DECODER_FIXTURES)) {
  t.test(`${name} agrees with transformers`, async t => {
    const folder = await mkdtemp(join(tmpdir(), 'kvasir-'));
    t.teardown(() => rm(folder, { recursive: true }));
    await cp(join(DECODER_FIXTURES, name), folder, { recursive: true });
    const { ids, shape, logits: encoded } = await readFixture<Expected>(name, 'expected.json');
    const logits = fixtureFloats(encoded);
    const [positions, vocabulary] = shape;
    const rows = (begin: number, end: number): Float32Array =>
      logits.subarray(begin * vocabulary, end * vocabulary);
    const decoder = await openDecoder(environment, folder, 3, 'f32', { intraOpThreads: 1 });
    t.teardown(() => decoder.dispose());
    const agrees = (actual: Float32Array, wanted: Float32Array, message: string): void => {
      const most = difference(actual, wanted);
      t.ok(most < 1e-4, `${message}: ${most}`);
    };

    agrees(await prefill(decoder, 0, ids, 0, 'all'), logits, 'in one prefill');
    for (let begin = 0, length = 1; begin < positions; begin += length, length = (length % 7) + 2) {
      const end = Math.min(begin + length, positions);
      agrees(
        await prefill(decoder, 1, ids.slice(begin, end), begin, 'all'),
        rows(begin, end),
        `chunk ${begin}`,
      );
    }
    const cached = [3, 13, 1];
    const together = await run(
      decoder,
      cached.map((length, slot) => ({ slot, ids: ids.slice(0, length), computed: 0, wanted: 'last' })),
    );
    cached.forEach((length, row) => {
      agrees(together[row]!.logits, rows(length - 1, length), `${length} tokens, with others`);
    });
    while (Math.max(...cached) < positions) {
      const decoded = await decode(
        decoder,
        cached.map(position => ids[position]!),
        cached,
      );
      cached.forEach((position, row) => {
        const actual = decoded.subarray(row * vocabulary, (row + 1) * vocabulary);
        agrees(actual, rows(position, position + 1), `row ${row} at ${position}`);
        cached[row]!++;
      });
    }
  });
}
