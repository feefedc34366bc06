import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { ApiKeys } from '#http/security/api-keys.js';
import { startServer } from '#test/support/http-server.js';

/** @returns the answer to a request with these lines of a header. */
async function ask(port: number, header: string, version = '1.1'): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', chunk => (answer += chunk.toString()));
  socket.write(`GET /v1/models HTTP/${version}\r\n${header}connection: close\r\n\r\n`);
  await once(socket, 'close');
  return answer;
}

const status = async (port: number, host: string): Promise<number> =>
  Number((await ask(port, `host: ${host}\r\n`)).split(' ', 2)[1]);

const OWN = ['localhost', 'LOCALHOST:8080', 'localhost.', '127.0.0.1', '127.8.0.1:1', '[::1]', '[::1]:8080'];
const FOREIGN = [
  'evil.example',
  'evil.example:8080',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  'evillocalhost',
  '10.0.0.1',
  '0.0.0.0',
  '[::2]',
  '127.1',
  'localhost@evil.example',
  '',
];

t.test('names that are not of this machine are refused', async t => {
  const { port } = await startServer(t, { allowedHosts: ['Mine.example'] });
  for (const host of [...OWN, 'mine.example', 'mine.example:80'])
    t.equal(await status(port, host), 200, host);
  for (const host of FOREIGN) t.equal(await status(port, host), 403, host);
  const answer = await ask(port, 'host: evil.example\r\nx-forwarded-host: localhost\r\n');
  t.match(answer, /^HTTP\/1\.1 403 .*"code":"host_not_allowed"/s);
  t.match(answer, /allowed_hosts/);
});

t.test('with keys, or where all are allowed, they are not', async t => {
  const { port } = await startServer(t, { allowedHosts: [], apiKeys: new ApiKeys(['key']) });
  t.match(
    await ask(port, 'host: kvasir.example\r\nauthorization: Bearer key\r\n'),
    /^HTTP\/1\.1 200 /,
    'a page has no key',
  );
  const { port: open } = await startServer(t, { allowedHosts: ['*'] });
  t.equal(await status(open, 'evil.example'), 200);
});

t.test('no Host header', async t => {
  const { port } = await startServer(t);
  const answer = await ask(port, '');
  t.match(answer, /^HTTP\/1\.1 400 /);
  t.match(JSON.parse(answer.split('\r\n\r\n')[1]!), {
    error: { type: 'invalid_request_error', code: 'invalid_request', param: 'host' },
  });
  t.match(await ask(port, '', '1.0'), /^HTTP\/1\.1 200 /, 'HTTP/1.0 has none');
});
