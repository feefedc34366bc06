import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t from 'tap';
import { Transcoder } from '#audio/ffmpeg.js';

const LIMITS = { maxSeconds: 10 };

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

t.test('a program between two pipes', { skip: process.platform === 'win32' }, async t => {
  const folder = await mkdtemp(path.join(tmpdir(), 'kvasir-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const program = path.join(folder, 'ffmpeg');
  const install = async (script: string): Promise<void> => {
    await writeFile(program, `#!${process.execPath}\n${script}`);
    await chmod(program, 0o755);
  };

  await t.test('one that does nothing is given up', async t => {
    await install('process.stdin.resume(); setInterval(() => undefined, 1000);');
    const transcoder = new Transcoder(program, pieces('a', 'b'), LIMITS, 300);
    const begin = performance.now();
    t.strictSame(await transcoder.next(), { done: true, value: undefined });
    t.ok(performance.now() - begin >= 300);
    transcoder.close();
  });

  await t.test('one that waits for a slow file is not', async t => {
    await install('process.stdin.pipe(process.stdout);');
    async function* slow(): AsyncGenerator<Uint8Array> {
      await new Promise(resolve => setTimeout(resolve, 3000));
      yield Buffer.from('late');
    }
    const transcoder = new Transcoder(program, slow(), LIMITS, 1000);
    const { value } = (await transcoder.next()) as IteratorYieldResult<Uint8Array>;
    t.equal(Buffer.from(value).toString(), 'late');
    transcoder.close();
  });

  await t.test('what reading the file throws comes out', async t => {
    await install('process.stdin.resume();');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a');
      throw new RangeError('the connection is gone');
    }
    const transcoder = new Transcoder(program, broken(), LIMITS);
    await t.rejects(transcoder.next(), { name: 'RangeError', message: 'the connection is gone' });
    transcoder.close();
  });

  await t.test('no more than some run at once', async t => {
    await install('process.stdin.resume();');
    const open: Transcoder[] = [];
    t.teardown(() => open.forEach(transcoder => transcoder.close()));
    t.throws(
      () => {
        for (let i = 0; i < 17; i++) open.push(new Transcoder(program, slowly(), LIMITS));
      },
      { name: 'KvasirError', code: 'overloaded' },
    );
  });
});

/** A file that never comes. */
async function* slowly(): AsyncGenerator<Uint8Array> {
  await new Promise(() => undefined);
  yield Buffer.alloc(0);
}
