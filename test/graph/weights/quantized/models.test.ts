/** Quantized checkpoints against what transformers gives for the numbers that they stand for. */
import { cp, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { openDecoder } from '#bench/support/open-decoder.js';
import { buildDecoder, checkDecoder } from '#graph/build.js';
import { Environment } from '#runtime/index.js';
import { fixtureFloats } from '#test/support/decoder-fixtures.js';
import { QUANTIZED_FIXTURES } from '#test/support/quantized-fixtures.js';
import { decode, prefill } from '#test/support/run-decoder.js';

/** Whose makers run it with inputs of layers in 8 bits. */
const ROUNDS_INPUTS = /^(fp8-static|int-quantized|float-quantized-tensor)$/;

const environment = new Environment();

for (const name of await readdir(QUANTIZED_FIXTURES))
  t.test(name, async t => {
    const folder = t.testdir();
    await cp(path.join(QUANTIZED_FIXTURES, name), folder, { recursive: true });
    const { ids, logits } = JSON.parse(await readFile(path.join(folder, 'expected.json'), 'utf8')) as {
      ids: number[];
      logits: string;
    };
    const values = fixtureFloats(logits);
    for (const [precision, limit] of [
      ['f32', 1e-4],
      ['stored', 0.04],
    ] as const) {
      const decoder = await openDecoder(environment, folder, 1, precision, { intraOpThreads: 1 });
      try {
        const whole = await prefill(decoder, 0, ids, 0, 'all');
        const shares = shareByRow(whole, values, ids.length);
        t.ok(shares[ids.length >> 1]! < limit, `${precision}: ${shares.join(' ')}`);
        const last = await decode(decoder, [ids.at(-1)!], [ids.length - 1]);
        const row = values.subarray(-last.length);
        t.ok(share(last, row) < 2 * limit, `${precision}, decoded: ${share(last, row)}`);
      } finally {
        decoder.dispose();
      }
    }
    const { graphPath } = await buildDecoder(folder);
    t.match(graphPath, /decoder-stored-/, 'is the precision that nobody asked for');
    const { unknown, heads, fields } = await checkDecoder(folder);
    t.strictSame({ unknown, heads }, { unknown: [], heads: [] }, 'every tensor is read');
    if (ROUNDS_INPUTS.test(name)) t.match(fields, [/inputs of layers that are quantized/]);
    else t.strictSame(fields, []);
  });

/** The shares of rows, the smallest first: with activations of 8 bits, single ones may be far off. */
function shareByRow(found: Float32Array, expected: Float32Array, rows: number): number[] {
  const width = expected.length / rows;
  const row = (values: Float32Array, i: number): Float32Array => values.subarray(i * width, (i + 1) * width);
  return Array.from({ length: rows }, (_, i) => share(row(found, i), row(expected, i))).sort((a, b) => a - b);
}

/** Size of the difference in units of the expected values' size. */
function share(found: Float32Array, expected: Float32Array): number {
  const norm = (values: Float32Array): number => Math.hypot(...values);
  return norm(found.map((value, i) => value - expected[i]!)) / norm(expected);
}
