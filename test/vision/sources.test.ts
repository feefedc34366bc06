import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import type { KvasirError } from '#errors.js';
import { runs } from '#test/support/property-runs.js';
import { PictureSources } from '#vision/sources.js';

const param = 'input[0].image';
const refused = (message: RegExp): { code: string; param: string; message: RegExp } => ({
  code: 'invalid_request',
  param,
  message,
});

let answer: RequestListener = (_, response) => response.end('picture');
const asked: (string | undefined)[] = [];
const server = createServer((request, response) => {
  asked.push(request.url);
  answer(request, response);
});
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
t.teardown(() => {
  server.closeAllConnections();
  server.close();
});
const { port } = server.address() as AddressInfo;

function sources(
  hosts: string[],
  more: Partial<ConstructorParameters<typeof PictureSources>[0]> = {},
): PictureSources {
  return new PictureSources({ hosts, maxBytes: 1000, timeLimit: 5000, ...more });
}

const local = { mayAsk: () => true };

t.test('data: addresses and base64 alone need no host', async t => {
  t.equal(String(await sources([]).read('data:image/png;base64,aGFsbG8=', param)), 'hallo');
  t.equal(String(await sources([]).read('aGFsbG8=', param)), 'hallo');
});

t.test('no other scheme is read', async t => {
  for (const address of [
    'file:///etc/passwd',
    'ftp://example.com/a.png',
    'blob:x',
    'javascript:1',
    'gopher://x',
  ])
    await t.rejects(sources(['example.com']).read(address, param), refused(/are not read/), address);
});

t.test('only hosts that are listed are asked, by name and port', async t => {
  await t.rejects(sources([]).read('http://example.com/a.png', param), refused(/send a data: address/));
  const some = sources(['example.com', '*.example.org', 'example.net:8443']);
  for (const address of [
    'http://example.com.evil.test/',
    'http://evil.test/example.com',
    'http://example.com:8080/',
    'http://www.example.com/',
    'http://example.org/',
    'http://badexample.org/',
    'http://a.example.org:81/',
    'https://example.net/',
    'http://example.com./',
    'http://evil.test#example.com',
    'http://evil.test?@example.com/',
    'http://evil.test\\@example.com/',
    'http://2130706433/',
  ])
    await t.rejects(some.read(address, param), refused(/pictures are not read from/), address);
  for (const address of ['http://me@example.com/', 'http://me:word@example.com/'])
    await t.rejects(some.read(address, param), refused(/a name or a password/), address);
});

t.test('whatever is written, no other host than a listed one is asked', async t => {
  const before = asked.length;
  const open = sources(['listed.test'], {
    mayAsk: address => {
      throw new Error(`asked ${address}`);
    },
  });
  const part = fc.constantFrom(
    'http:',
    'https:',
    '//',
    '/',
    '\\',
    '@',
    ':',
    '#',
    '?',
    '.',
    '127.0.0.1',
    'listed.test',
    'a',
    `:${port}`,
    '[::1]',
    '%2e',
    ' ',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 7 }), async parts => {
      const address = `http://${parts.join('')}`;
      if (URL.canParse(address) && new URL(address).host === 'listed.test') return;
      const error = await open.read(address, param).then(
        () => undefined,
        (error: unknown) => error as KvasirError,
      );
      if (error?.code !== 'invalid_request') throw new Error(`${address}: ${error?.message}`);
    }),
    runs(300),
  );
  t.equal(asked.length, before);
});

t.test('hosts that are none fail the start', t => {
  for (const host of ['', 'http://example.com', 'a/b', '*', '*.', 'a:b', 'a b', '*.*.com', '-a'])
    t.throws(() => sources([host]), { code: 'invalid_configuration' }, host);
  t.end();
});

t.test('a file within the limits', async t => {
  const file = await sources([`localhost:${port}`], local).read(`http://localhost:${port}/a.png?b=c`, param);
  t.equal(String(file), 'picture');
  t.equal(asked.at(-1), '/a.png?b=c');
});

t.test('private addresses are not asked, by name or by number', async t => {
  const before = asked.length;
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`])
    await t.rejects(sources([host]).read(`http://${host}/`, param), refused(/private network/), host);
  await t.rejects(sources(['127.0.0.1']).read('http://0x7f.1/', param), refused(/private network/));
  t.equal(asked.length, before);
});

t.test('answers that are not a file within the limits', async t => {
  const here = sources([`localhost:${port}`], { ...local, timeLimit: 300 });
  const read = async (listener: RequestListener, signal?: AbortSignal): Promise<unknown> => {
    answer = listener;
    return here.read(`http://localhost:${port}/`, param, signal);
  };
  const before = asked.length;
  await t.rejects(
    read((_, response) => response.writeHead(302, { location: `http://localhost:${port}/other` }).end()),
    refused(/not followed/),
  );
  t.equal(asked.length, before + 1);
  await t.rejects(
    read((_, response) => response.writeHead(404).end()),
    refused(/status 404/),
  );
  await t.rejects(
    read((_, response) => response.writeHead(200, { 'content-length': 1001 }).end('a'.repeat(1001))),
    refused(/more than 1000 bytes/),
  );
  await t.rejects(
    read((_, response) => {
      response.write('a'.repeat(600));
      response.end('a'.repeat(600));
    }),
    refused(/more than 1000 bytes/),
  );
  await t.rejects(
    read((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('a')),
    refused(/packs its answer/),
  );
  await t.rejects(
    read((_, response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('a', () => response.destroy());
    }),
    refused(/cannot be read/),
  );
  await t.rejects(
    read(() => undefined),
    refused(/takes more than 0.3 seconds/),
  );
  const controller = new AbortController();
  await t.rejects(
    read(() => controller.abort(), controller.signal),
    { code: 'cancelled' },
  );
});

t.test('a host that is not there', async t => {
  await t.rejects(
    sources(['nowhere.invalid']).read('http://nowhere.invalid/', param),
    refused(/cannot be read|private/),
  );
});
