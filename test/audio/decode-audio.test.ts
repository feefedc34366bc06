import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t from 'tap';
import { decodeAudio } from '#audio/decode-audio.js';
import { joinBlocks } from '#test/support/decode-bytes.js';
import { difference, knownLeft, sampled } from '#test/support/known-sound.js';
import { wavFile, wavOf } from '#test/support/wav-file.js';

const FOLDER = new URL('../../../test/fixtures/audio/', import.meta.url);
const EXPECTED = sampled(knownLeft, 16_000);
const LIMITS = { maxSeconds: 600 };

/** Without it, nothing is left to ffmpeg. */
const PATH = process.env['PATH'];
process.env['PATH'] = '';

async function* pieces(file: Uint8Array, size = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
}

async function decode(file: Uint8Array, limits = LIMITS): Promise<Float32Array> {
  const blocks: Float32Array[] = [];
  for await (const block of decodeAudio(pieces(file), limits).samples) blocks.push(block.slice());
  return joinBlocks(blocks);
}

/** Seconds of silence, of a file that counts what is read of it. */
function longFile(seconds: number): {
  file: AsyncGenerator<Uint8Array>;
  read: () => number;
  left: Promise<void>;
} {
  let read = 0;
  let leave = (): void => undefined;
  const left = new Promise<void>(resolve => (leave = resolve));
  async function* generate(): AsyncGenerator<Uint8Array> {
    try {
      yield wavFile(Buffer.alloc(0), { format: 1, bits: 16, rate: 16_000, dataSize: 0xffff_ffff });
      for (; read < seconds; read++) yield Buffer.alloc(32_000, read);
    } finally {
      leave();
    }
  }
  return { file: generate(), read: () => read, left };
}

t.test('a recording is decoded on a thread', async t => {
  for (const file of [wavOf(EXPECTED, 16_000), await readFile(new URL('stereo.flac', FOLDER))])
    t.equal((await decode(file)).length, EXPECTED.length);
  t.ok(difference(await decode(wavOf(EXPECTED, 16_000)), EXPECTED) < 1e-3);
});

t.test('several at once', async t => {
  const names = ['stereo.mp3', 'stereo.flac', 'vorbis.ogg', 'opus.ogg', 'live.webm'];
  const files = await Promise.all(names.map(name => readFile(new URL(name, FOLDER))));
  const alone: Float32Array[] = [];
  for (const file of files) alone.push(await decode(file));
  const together = await Promise.all([...files, ...files].map(file => decode(file)));
  t.strictSame(together, [...alone, ...alone]);
});

t.test('tags in front of a file are passed over', async t => {
  const file = await readFile(new URL('no-header.mp3', FOLDER));
  const picture = Buffer.concat([
    Buffer.from('ID3\x03\0\0\0\x12\x4f\x40', 'latin1'),
    Buffer.alloc(0x4_a7c0, 0xff),
  ]);
  t.strictSame(await decode(Buffer.concat([picture, file])), await decode(file));
});

t.test('what is no recording is refused, with what can be read', async t => {
  const text = Buffer.from('This is no sound, whatever the name of the file may be.\n'.repeat(200));
  const list = /wav, mp3, flac, ogg .*webm .*; others \(m4a, mp4, aac\) where ffmpeg is installed/;
  for (const file of [text, Buffer.from('short'), Buffer.alloc(100_000), Buffer.from('\0\0\0\x20ftypM4A ')])
    await t.rejects(decode(file), { code: 'invalid_request', param: 'file', message: list });
  await t.rejects(decode(Buffer.alloc(0)), { code: 'invalid_request', param: 'file', message: /is empty/ });
  const header = wavFile(Buffer.alloc(0), { format: 1, bits: 16, rate: 8000 });
  await t.rejects(decode(header), { code: 'invalid_request', param: 'file', message: /no sound/ });
});

t.test('what is too long is refused', async t => {
  const { file } = longFile(1_000_000);
  const sound = decodeAudio(file, { maxSeconds: 3 }).samples[Symbol.asyncIterator]();
  const first = await sound.next();
  t.equal(first.done, false);
  await t.rejects(
    async () => {
      while (!(await sound.next()).done);
    },
    { code: 'body_too_large', param: 'file', message: /longer than 3 seconds/ },
  );
});

t.test('a file is read only as fast as its sound is', async t => {
  const { file, read, left } = longFile(1_000_000);
  const sound = decodeAudio(file, { maxSeconds: 1e9 }).samples[Symbol.asyncIterator]();
  for (let second = 0; second < 3; second++) {
    await sound.next();
    await new Promise(resolve => setTimeout(resolve, 50));
    t.ok(read() - second < 12, `${read()} seconds were read for ${second + 1}`);
  }
  await sound.return?.(undefined);
  await left;
});

t.test('an abort ends it at once, and leaves the file', async t => {
  const controller = new AbortController();
  const { file, left } = longFile(1_000_000);
  const sound = decodeAudio(file, { maxSeconds: 1e9 }, controller.signal).samples[Symbol.asyncIterator]();
  await sound.next();
  controller.abort();
  await t.rejects(sound.next(), { code: 'cancelled' });
  await left;

  // While bytes are waited for that never come.
  const waiting = new AbortController();
  async function* silent(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('RIFF');
    await new Promise(() => undefined);
  }
  const next = decodeAudio(silent(), LIMITS, waiting.signal).samples[Symbol.asyncIterator]().next();
  setTimeout(() => waiting.abort(), 20);
  await t.rejects(next, { code: 'cancelled' });

  await t.rejects(decodeAudio(silent(), LIMITS, AbortSignal.abort()).samples[Symbol.asyncIterator]().next(), {
    code: 'cancelled',
  });
});

t.test('what reading the file throws comes out', async t => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield wavOf(EXPECTED, 16_000).subarray(0, 1000);
    throw new RangeError('the connection is gone');
  }
  await t.rejects(
    async () => {
      for await (const _ of decodeAudio(broken(), LIMITS).samples);
    },
    { name: 'RangeError', message: 'the connection is gone' },
  );
});

t.test('other forms are left to ffmpeg', { skip: process.platform === 'win32' }, async t => {
  const folder = await mkdtemp(path.join(tmpdir(), 'kvasir-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const program = path.join(folder, 'ffmpeg');
  const install = async (script: string): Promise<void> => {
    await writeFile(program, `#!${process.execPath}\n${script}`);
    await chmod(program, 0o755);
  };
  process.env['PATH'] = folder;
  t.teardown(() => (process.env['PATH'] = ''));
  const form = Buffer.from('\0\0\0\x20ftypM4A ', 'latin1');

  await t.test('whose WAV is decoded', async t => {
    // What comes behind the form's name is a WAV.
    await install(`
      let at = 0;
      process.stdin.on('data', bytes => {
        process.stdout.write(bytes.subarray(Math.max(0, ${form.length} - at)));
        at += bytes.length;
      });`);
    const sound = await decode(Buffer.concat([form, wavOf(EXPECTED, 16_000)]));
    t.ok(difference(sound, EXPECTED) < 1e-3);
    const long = wavOf(new Float32Array(64_000), 16_000);
    await t.rejects(decode(Buffer.concat([form, long]), { maxSeconds: 2 }), { code: 'body_too_large' });
  });

  await t.test('which may not know them either', async t => {
    await install('process.exit(1)');
    const message = /the file is an MP4 .* can be read$/;
    await t.rejects(decode(Buffer.concat([form, Buffer.alloc(1_000_000)])), {
      code: 'invalid_request',
      message,
    });
  });

  await t.test('and is ended with the request', async t => {
    const note = path.join(folder, 'process');
    await install(`
      require('node:fs').writeFileSync(${JSON.stringify(note)}, String(process.pid));
      process.stdin.resume();
      setInterval(() => undefined, 1000);`);
    const controller = new AbortController();
    const file = pieces(Buffer.concat([form, Buffer.alloc(1_000_000)]));
    const next = decodeAudio(file, LIMITS, controller.signal).samples[Symbol.asyncIterator]().next();
    let id = NaN;
    while (!(id > 0)) {
      await new Promise(resolve => setTimeout(resolve, 20));
      id = Number(await readFile(note, 'utf8').catch(() => ''));
    }
    controller.abort();
    await t.rejects(next, { code: 'cancelled' });
    for (let tries = 0; tries < 100 && isRunning(id); tries++)
      await new Promise(resolve => setTimeout(resolve, 20));
    t.notOk(isRunning(id));
  });
});

function isRunning(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch {
    return false;
  }
}

t.test('AAC by the ffmpeg that is installed', async t => {
  process.env['PATH'] = PATH;
  t.teardown(() => (process.env['PATH'] = ''));
  const file = await readFile(new URL('aac.m4a', FOLDER));
  const sound = await decode(file).catch((error: Error) => error);
  if (sound instanceof Error) t.match(sound.message, /is an MP4/);
  else t.ok(difference(sound.subarray(0, EXPECTED.length), EXPECTED) < 0.3);
});
