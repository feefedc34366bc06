import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { ApiKeys } from '#http/security/api-keys.js';
import { eventually, startServer } from '#test/support/http-server.js';
import { silence } from '#test/support/fake-engine.js';

const KIB = 1024;
const LIMIT = 1024 * KIB;

const server = await startServer(t, {
  bodyLimit: 512 * KIB,
  bodyMemory: LIMIT,
  apiKeys: new ApiKeys(['one', 'two', 'three', 'four', 'five']),
});

/** A request whose body is announced or sent in part; `answer` is what has come back. */
function begin(key: string, length: number | 'chunked'): { socket: Socket; answer: () => string } {
  const socket = connect(server.port, '127.0.0.1');
  let answer = '';
  socket.on('data', chunk => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  const size = length === 'chunked' ? 'transfer-encoding: chunked' : `content-length: ${length}`;
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n${size}\r\n\r\n`,
  );
  return { socket, answer: () => answer };
}

async function complete(key: string, fields: object = {}): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'letters', prompt: 'a', ...fields }),
  });
  return { status: response.status, body: await response.json() };
}

const long = { padding: 'x'.repeat(200 * KIB) };

t.test('of bodies that never come, so many are taken as fit; others are not kept from theirs', async t => {
  const clients = Array.from({ length: 20 }, () => begin('one', 200 * KIB));
  const refused = (): number => clients.filter(({ answer }) => answer().startsWith('HTTP/1.1 503 ')).length;
  await eventually(() => refused() === 18);
  const answer = clients.find(({ answer }) => answer() !== '')!.answer();
  t.match(answer, /\r\nretry-after: 1\r\n/i);
  t.match(answer, /"code":"overloaded"/);
  t.equal((await complete('one')).status, 200, 'a small one is taken');
  t.equal((await complete('two', long)).status, 200, 'so is one of another client');
  t.match(await complete('one', long), { status: 503, body: { error: { code: 'overloaded' } } });
  for (const { socket } of clients) socket.destroy();
  await eventually(async () => (await complete('one', long)).status === 200);
});

t.test('all clients together', async t => {
  let begun = 0;
  server.app.server.on('request', () => begun++);
  const clients = ['four', 'four', 'five', 'five'].map(key => begin(key, 250 * KIB));
  await eventually(() => begun === 4);
  t.equal((await complete('three', long)).status, 503);
  for (const { socket } of clients) socket.destroy();
  await eventually(async () => (await complete('three', long)).status === 200);
});

t.test('chunks count as they come', async t => {
  const clients = Array.from({ length: 6 }, () => begin('one', 'chunked'));
  const piece = `10000\r\n${' '.repeat(64 * KIB)}\r\n`;
  for (let i = 0; i < 3; i++) for (const { socket } of clients) if (!socket.destroyed) socket.write(piece);
  await eventually(() => clients.some(({ answer }) => answer().startsWith('HTTP/1.1 503 ')));
  t.equal((await complete('two', long)).status, 200);
  for (const { socket } of clients) socket.destroy();
  await eventually(async () => (await complete('one', long)).status === 200);
});

t.test('a body in chunks is read whole', async t => {
  const { socket, answer } = begin('one', 'chunked');
  const text = JSON.stringify({ model: 'letters', prompt: 'a', ...long });
  for (let i = 0; i < text.length; i += 50_000) {
    const piece = text.slice(i, i + 50_000);
    socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
  }
  socket.write('0\r\n\r\n');
  await once(socket, 'data');
  t.match(answer(), /^HTTP\/1\.1 200 /);
  socket.destroy();
});

t.test('what was read counts until its request has been answered, as much as it takes', async t => {
  server.engine.script = silence;
  t.teardown(() => server.engine.reset());
  const controllers = [new AbortController(), new AbortController()];
  const values = JSON.stringify({ model: 'letters', prompt: 'a', unknown: Array(14_000).fill(0) });
  const running = controllers.map(({ signal }) =>
    fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer one' },
      body: values,
      signal,
    }).catch(() => undefined),
  );
  await eventually(() => server.engine.running.size === 1);
  await Promise.race(running);
  t.equal(server.engine.running.size, 1, 'the other one was refused after it was read');
  for (const controller of controllers) controller.abort();
  server.engine.reset();
  await eventually(async () => (await complete('one', long)).status === 200);
});

t.test('one that is too large is refused as such', async t => {
  t.equal((await complete('one', { padding: 'x'.repeat(600 * KIB) })).status, 413);
  const never = await complete('one', { unknown: Array(100_000).fill(0) });
  t.match(never, { status: 400, body: { error: { message: /bytes of memory/ } } });
});
