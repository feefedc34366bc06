import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { eventually, startServer } from '#test/support/http-server.js';

function open(t: Test, port: number, localAddress = '127.0.0.1') {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  let answer = '';
  socket.on('data', chunk => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  return { socket, answer: () => answer };
}

async function connected(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(sockets.map(socket => once(socket, 'connect')));
}

const GET = 'GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n';

t.test('one address has its share, and others theirs', async t => {
  const { port } = await startServer(t, { maxConnectionsPerAddress: 3 });
  const clients = Array.from({ length: 3 }, () => open(t, port));
  await connected(clients.map(({ socket }) => socket));
  const refused = open(t, port);
  await once(refused.socket, 'close');
  t.match(refused.answer(), /^HTTP\/1\.1 503 .*\r\nretry-after: \d+\r\n.*"code":"overloaded"/s);
  const other = open(t, port, '127.0.0.2');
  other.socket.write(GET);
  await eventually(() => other.answer().startsWith('HTTP/1.1 200 '));
  clients[0]!.socket.destroy();
  await eventually(async () => {
    const again = open(t, port);
    again.socket.write(GET);
    await Promise.race([once(again.socket, 'data'), once(again.socket, 'close')]);
    return again.answer().startsWith('HTTP/1.1 200 ');
  });
  clients[1]!.socket.write(GET);
  await eventually(() => clients[1]!.answer().startsWith('HTTP/1.1 200 '));
});

t.test('a trusted proxy has as many as there are', async t => {
  const { port } = await startServer(t, {
    maxConnections: 5,
    maxConnectionsPerAddress: 1,
    trustProxy: '127.0.0.1',
  });
  const clients = Array.from({ length: 5 }, () => open(t, port));
  for (const { socket } of clients) socket.write(GET);
  await eventually(() => clients.every(({ answer }) => answer().startsWith('HTTP/1.1 200 ')));
  const refused = open(t, port);
  await once(refused.socket, 'close');
  t.match(refused.answer(), /^HTTP\/1\.1 503 /, 'but no more in all');
});

t.test('a request that comes at once with a connection too many is not run', async t => {
  const { port, engine } = await startServer(t, { maxConnections: 1 });
  const first = open(t, port);
  await connected([first.socket]);
  const body = '{"model":"letters","prompt":"a"}';
  const post = `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const others = Array.from({ length: 20 }, () => open(t, port));
  for (const { socket } of others) socket.write(post);
  await Promise.all(others.map(({ socket }) => once(socket, 'close')));
  t.equal(engine.requests.length, 0);
  first.socket.write(GET);
  await eventually(() => first.answer().startsWith('HTTP/1.1 200 '));
});
