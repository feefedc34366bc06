import { Readable } from 'node:stream';
import fc from 'fast-check';
import t from 'tap';
import { readForm, type FormEntry } from '#http/forms/multipart.js';
import { UploadedFile } from '#http/forms/uploaded-file.js';

const BOUNDARY = 'x1y2';
const headers = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };

/** A field, or a file with any bytes. */
type Part = readonly [name: string, value: string | Buffer];

function write(parts: readonly Part[]): Buffer {
  const pieces = parts.map(([name, value]) =>
    Buffer.concat([
      Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"`),
      Buffer.from(
        typeof value === 'string' ? '\r\n\r\n' : '; filename="f.wav"\r\ncontent-type: audio/wav\r\n\r\n',
      ),
      Buffer.from(value as string),
      Buffer.from('\r\n'),
    ]),
  );
  return Buffer.concat([...pieces, Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

/** Cut at these places. */
function cut(bytes: Buffer, places: readonly number[]): Readable {
  const at = [0, ...places.map(place => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return Readable.from(
    at.slice(1).map((end, index) => bytes.subarray(at[index], end)),
    { objectMode: false },
  );
}

async function plain(entries: readonly FormEntry[]): Promise<Part[]> {
  return Promise.all(
    entries.map(async ([name, value]): Promise<Part> => {
      if (!(value instanceof UploadedFile)) return [name, value];
      const chunks = [];
      for await (const chunk of value) chunks.push(chunk);
      return [name, Buffer.concat(chunks)];
    }),
  );
}

const read = (body: Readable) => readForm(headers, body, name => name === 'file');

t.test('fields and a file are as they were sent, in any order and cut anywhere', async () => {
  const field = fc.tuple(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[\x20-\x7eäß]{0,20}$/));
  const file = fc.uint8Array({ maxLength: 300 }).map((bytes): Part => ['file', Buffer.from(bytes)]);
  const parts = fc.tuple(fc.array(field, { maxLength: 4 }), file, fc.array(field, { maxLength: 4 }));
  await fc.assert(
    fc.asyncProperty(parts, fc.array(fc.nat()), async ([before, file, after], places) => {
      const sent: Part[] = [...before, file, ...after];
      const got = await plain(await read(cut(write(sent), places)));
      // A file is there when it has ended, which the fields behind it need not wait for.
      const order = (list: Part[]): Part[] => [
        ...list.filter(([, value]) => typeof value === 'string'),
        ...list.filter(([, value]) => typeof value !== 'string'),
      ];
      return JSON.stringify(order(got)) === JSON.stringify(order(sent));
    }),
  );
});

t.test('a form that breaks off anywhere is refused, and nothing hangs', async () => {
  const whole = write([
    ['model', 'whisper'],
    ['file', Buffer.from('RIFF....')],
  ]);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: whole.length - 5 }), async length => {
      const code: unknown = await read(Readable.from([whole.subarray(0, length)])).then(
        () => 'read',
        (error: { code?: unknown }) => error.code,
      );
      return code === 'invalid_request';
    }),
  );
});

t.test('other files are passed over', async t => {
  const entries = await read(
    cut(
      write([
        ['picture', Buffer.from('x'.repeat(100_000))],
        ['file', Buffer.from('y')],
      ]),
      [],
    ),
  );
  t.strictSame(await plain(entries), [['file', Buffer.from('y')]]);
});

t.test('limits', async t => {
  const fields = (count: number): Readable =>
    cut(write(Array.from({ length: count }, (_, n): Part => [`f${n}`, 'x'])), []);
  t.equal((await read(fields(256))).length, 256);
  await t.rejects(read(fields(257)), { code: 'invalid_request', message: /more than 256 fields/ });
  await t.rejects(read(cut(write([['prompt', 'x'.repeat(70_000)]]), [])), {
    code: 'invalid_request',
    param: 'prompt',
  });
});

t.test('what is no form', async t => {
  const other = { 'content-type': 'multipart/form-data' };
  await t.rejects(
    readForm(other, cut(write([['a', 'b']]), []), () => true),
    { code: 'invalid_request' },
  );
  await t.rejects(read(Readable.from([Buffer.from('{"file": 1}')])), { code: 'invalid_request' });
});

t.test('a client that goes away', async t => {
  const body = new Readable({ read: () => undefined });
  const reading = read(body);
  body.push(write([['model', 'whisper']]).subarray(0, 40));
  setImmediate(() => body.destroy());
  await t.rejects(reading, { code: 'invalid_request' });
});
