import { cp } from 'node:fs/promises';
import t, { type Test } from 'tap';
import type { Decoder } from '#model/decoder/contract.js';
import { loadSeq2Seq } from '#model/decoder/load-seq2seq.js';
import type { DecoderOptions } from '#model/decoder/load-decoder.js';
import { LONGEST_CHUNK } from '#model/decoder/seq2seq/sources.js';
import { Allocator, Environment, PROCESSOR, type DeviceMemory } from '#runtime/index.js';
import { relativeError } from '#test/support/check-decoder.js';
import { encode } from '#test/support/check-seq2seq.js';
import { randomIds } from '#test/support/random-tensors.js';
import { decode, prefill } from '#test/support/run-decoder.js';
import { readSeq2SeqFixture, readSeq2SeqFixtures, type Seq2SeqRun } from '#test/support/seq2seq-fixtures.js';
import { readSpeechFixture, readSpeechFixtures } from '#test/support/speech-fixtures.js';

const environment = new Environment({ logLevel: 'fatal' });

async function load(t: Test, folder: string, options: Partial<DecoderOptions> = {}): Promise<Decoder> {
  const own = t.testdir();
  await cp(folder, own, { recursive: true });
  const { decoder } = await loadSeq2Seq(environment, own, {
    slots: 4,
    session: { intraOpThreads: 1 },
    ...options,
  });
  t.teardown(() => decoder.dispose());
  return decoder;
}

/** Has all native memory be full of what is no number when it is allocated. */
function spoilMemory(t: Test): void {
  const own = Object.getOwnPropertyDescriptor(Allocator.prototype, 'allocate')!;
  const allocate = own.value as (this: Allocator, bytes: number) => DeviceMemory;
  Object.defineProperty(Allocator.prototype, 'allocate', {
    ...own,
    value(this: Allocator, bytes: number) {
      const memory = allocate.call(this, bytes);
      memory.view().fill(0xff);
      return memory;
    },
  });
  t.teardown(() => void Object.defineProperty(Allocator.prototype, 'allocate', own));
}

function rowsOf({ logits, target }: Seq2SeqRun): number[][] {
  const width = logits.length / target.length;
  return target.map((_, i) => [...logits.subarray(i * width, (i + 1) * width)]);
}

for (const fixture of await readSeq2SeqFixtures())
  t.test(`${fixture.name}: what a new slot holds behind a source is of no matter`, async t => {
    spoilMemory(t);
    const decoder = await load(t, fixture.folder);
    const { runs } = fixture;
    const close = (actual: Float32Array, wanted: number[][], what: string): void => {
      const error = relativeError(actual, wanted);
      t.ok(error < 1e-4, `${what}: relative error ${error.toExponential(1)}`);
    };
    await encode(
      decoder,
      runs.map(({ source }, slot) => ({ slot, ids: source })),
    );
    const rows = runs.map(rowsOf);
    const shortest = Math.min(...runs.map(({ target }) => target.length));
    for (let i = 0; i < shortest; i++) {
      const logits = await decode(
        decoder,
        runs.map(({ target }) => target[i]!),
        runs.map(() => i),
      );
      close(
        logits,
        rows.map(row => row[i]!),
        `all at ${i}`,
      );
    }
    for (const [slot, { target }] of runs.entries())
      close(await prefill(decoder, slot, target, 0, 'all'), rows[slot]!, `slot ${slot} at once`);
  });

for (const { name, folder, runs } of await readSpeechFixtures())
  t.test(`${name}: what a new slot holds behind a sound is of no matter`, async t => {
    spoilMemory(t);
    const decoder = await load(t, folder);
    await encode(
      decoder,
      runs.map(({ sound }, slot) => ({ slot, ids: [], sound })),
    );
    for (const [slot, { target, logits }] of runs.entries()) {
      const width = decoder.shape.vocabularySize;
      for (const [from, count] of [
        [0, target.length],
        [target.length - 1, 1],
      ] as const) {
        const found = await prefill(decoder, slot, target.slice(from, from + count), from, 'all');
        const error = relativeError(found, [[...logits.subarray(from * width)]]);
        t.ok(error < 2e-5, `slot ${slot}, ${count} at once: ${error.toExponential(1)}`);
      }
    }
  });

t.test('a text that is run at once may be longer than what sees a source together', async t => {
  const { folder } = await readSeq2SeqFixture('t5');
  const length = 2 * LONGEST_CHUNK + 5;
  const decoder = await load(t, folder, { contextLength: length + 1 });
  const { vocabularySize } = decoder.shape;
  const [source, ids] = [randomIds(length, vocabularySize, 1), randomIds(length, vocabularySize, 2)];
  await encode(decoder, [{ slot: 0, ids: source }]);
  const single: number[][] = [];
  for (const [i, id] of ids.entries()) single.push([...(await decode(decoder, [id], [i]))]);
  const whole = await prefill(decoder, 0, ids, 0, 'all');
  t.ok(relativeError(whole, single) < 1e-3);
  t.ok(relativeError(await prefill(decoder, 0, ids, 0, 'last'), single.slice(-1)) < 1e-3);
  t.equal((await prefill(decoder, 0, ids, 0, 'none')).length, 0);
});

t.test('what the model cannot run is refused by its name', async t => {
  const { folder } = await readSeq2SeqFixture('bart');
  const refuses = (options: Partial<DecoderOptions>, message: RegExp): Promise<unknown> =>
    t.rejects(load(t, folder, options), { message });
  await refuses(
    { session: { device: { ...PROCESSOR, name: 'cuda:0' } } },
    /on the processor only, not on cuda:0/,
  );
  await refuses({ contextLength: 25 }, /a context of 25 tokens was asked for, but the model's is 24/);
  await refuses({ precision: 'f16' }, /f32, int8, w8a8, int4/);
  await refuses({ cache: 'paged' }, /its cache in slots/);
  await refuses({ format: 'onnx' }, /no ONNX encoder-decoder/);
});

t.test('a context that is asked for bounds sources, too', async t => {
  const { folder } = await readSeq2SeqFixture('bart');
  const decoder = await load(t, folder, { contextLength: 10 });
  t.equal(decoder.shape.contextLength, 10);
  t.equal(decoder.source?.longest, 10);
});

t.test('a sound is as long as it is, whatever context is asked for', async t => {
  const { folder, shape } = await readSpeechFixture('whisper');
  const decoder = await load(t, folder, { contextLength: 10 });
  t.equal(decoder.shape.contextLength, 10);
  t.strictSame(decoder.source, { longest: shape.frames / 2, vocabularySize: 0, sound: shape });
});

t.test('runs end when they are told to', async t => {
  const { folder, runs } = await readSeq2SeqFixture('bart');
  const decoder = await load(t, folder);
  decoder.abort();
  const { results } = await decoder.encode!([{ slot: 0, ids: runs[0]!.source }]);
  t.match(results, [{ error: Error }]);
});
