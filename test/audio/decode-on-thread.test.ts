import t from 'tap';
import { decodeOnThread } from '#audio/decode-on-thread.js';
import { AudioThreads } from '#audio/threads.js';
import { wavFile } from '#test/support/wav-file.js';

/** Silence without end, of 16 kHz. */
async function* endless(): AsyncGenerator<Uint8Array> {
  yield wavFile(Buffer.alloc(0), { format: 1, bits: 16, rate: 16_000, dataSize: 0xffff_ffff });
  for (;;) yield Buffer.alloc(3200, 1);
}

const LIMITS = { maxSeconds: 1e9 };

t.test('more recordings than threads take turns', async t => {
  const threads = new AudioThreads(1);
  t.teardown(() => threads.end());
  const sounds = Array.from({ length: 5 }, () => decodeOnThread(threads, endless(), LIMITS, undefined));
  for (let second = 0; second < 4; second++)
    for (const sound of sounds) {
      const { value } = await sound.next();
      t.equal(value?.length, 16_000);
    }
  for (const sound of sounds) await sound.return();
});

t.test('blocks take the same memory again and again', async t => {
  const threads = new AudioThreads(1);
  t.teardown(() => threads.end());
  const sound = decodeOnThread(threads, endless(), LIMITS, undefined);
  const memory = new Set<unknown>();
  for (let second = 0; second < 10; second++) {
    const { value } = await sound.next();
    memory.add((value as Float32Array).buffer);
  }
  t.equal(memory.size, 1);
  await sound.return();
});

t.test('a thread that ends is said, and another one takes its place', async t => {
  const threads = new AudioThreads(1);
  t.teardown(() => threads.end());
  const sound = decodeOnThread(threads, endless(), LIMITS, undefined);
  await sound.next();
  await threads.end();
  await t.rejects(
    async () => {
      while (!(await sound.next()).done);
    },
    { code: 'overloaded' },
  );
  const next = decodeOnThread(threads, endless(), LIMITS, undefined);
  t.equal((await next.next()).done, false);
  await next.return();
});
