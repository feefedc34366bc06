import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { abortingClients } from '#bench/support/reliability/aborting-clients.js';
import { eventually } from '#test/support/eventually.js';
import { startWholeServer } from '#test/support/whole-server.js';

const RECEIVE_TIMEOUT = 1000;

const { app, url, port, engine } = await startWholeServer(t, 4096, { receiveTimeout: RECEIVE_TIMEOUT });

/** Connections that the server has open. */
function connections(): Promise<number> {
  return new Promise((resolve, reject) =>
    app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
}

const LONG = { model: 'writer', prompt: 'abc', max_tokens: 4000, ignore_eos: true, stream: true };
const body = JSON.stringify(LONG);

function request(text: string): string {
  return `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
}

const head = request(body).slice(0, -body.length);

/** A socket and what it has read so far. */
function open(): { socket: Socket; answer: () => string; closed: Promise<unknown> } {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', chunk => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  return { socket, answer: () => answer, closed: once(socket, 'close') };
}

const idle = (): boolean => {
  const { running, waiting } = engine.stats();
  return running === 0 && waiting === 0;
};

t.test('clients that send a byte now and then are cut off, and hold nobody up', async t => {
  const slow = Array.from({ length: 30 }, (_, i) => {
    const client = open();
    const text = i % 2 === 0 ? 'GET / HTTP/1.1\r\nhost: x\r\n' : head + body;
    let sent = i % 2 === 0 ? 0 : head.length;
    client.socket.write(text.slice(0, sent));
    const timer = setInterval(() => client.socket.write(text[sent++ % text.length]!), 50);
    return { ...client, closed: client.closed.finally(() => clearInterval(timer)) };
  });
  const answer = await fetch(`${url}/v1/models`);
  t.equal(answer.status, 200);
  await Promise.all(slow.map(({ closed }) => closed));
  for (const { answer } of slow.slice(0, 2)) t.match(answer(), /^HTTP\/1\.1 408 Request Timeout\r\n/);
  t.ok(idle());
});

t.test('a client that says nothing at all', async t => {
  const { closed, answer } = open();
  await closed;
  t.match(answer(), /^$|^HTTP\/1\.1 408 /);
});

t.test('sockets that are closed on one side or cut free their slot', async t => {
  const before = engine.stats().generatedTokens;
  const clients = Array.from({ length: 6 }, (_, i) => {
    const client = open();
    if (i < 2) client.socket.end(head + body);
    else if (i < 4) {
      client.socket.write(request(JSON.stringify({ ...LONG, stream: false })));
      void eventually(() => engine.stats().running > 0).then(() => client.socket.destroy());
    } else client.socket.once('data', () => client.socket.destroy()).write(head + body);
    return client;
  });
  await Promise.all(clients.map(({ closed }) => closed));
  await eventually(idle);
  const generated = engine.stats().generatedTokens - before;
  t.ok(generated < 6000, `${generated} of 24000 tokens were generated for nobody`);
});

t.test('a socket that is cut in the middle of its body', async t => {
  const { socket, closed } = open();
  socket.write(head + body.slice(0, 20), () => socket.resetAndDestroy());
  await closed;
  t.ok(idle());
  t.equal((await fetch(`${url}/v1/models`)).status, 200);
});

t.test('requests in one piece are answered in order', async t => {
  const one = request(JSON.stringify({ ...LONG, max_tokens: 3, stream: false }));
  const { socket, answer, closed } = open();
  socket.write(`${one}${one}GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  await closed;
  t.strictSame(answer().match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 404']);
});

t.test('a request smuggled with two lengths is refused', async t => {
  for (const lengths of [
    'content-length: 5\r\ncontent-length: 6',
    'content-length: 5\r\ntransfer-encoding: chunked',
    'content-length: -1',
    'content-length: 0x5',
    'transfer-encoding: chunked, identity',
  ]) {
    const { socket, answer, closed } = open();
    socket.write(`POST /v1/completions HTTP/1.1\r\nhost: x\r\n${lengths}\r\n\r\nabcdef`);
    await closed;
    t.match(answer(), /^HTTP\/1\.1 400 /, lengths);
  }
});

t.test('many connections that come and go: nothing is left of them', async t => {
  const listeners = (): number =>
    process
      .eventNames()
      .reduce((sum, name) => sum + process.listenerCount(name), app.server.listenerCount('request'));
  const files = async (): Promise<number> =>
    process.platform === 'linux' ? (await readdir('/proc/self/fd')).length : 0;
  const warnings: Error[] = [];
  process.on('warning', warning => warnings.push(warning));
  await fetch(`${url}/health/live`);
  const before = { listeners: listeners(), files: await files() };
  const { streams, complete, faults } = await abortingClients({
    port,
    model: 'writer',
    connections: 50,
    milliseconds: 1500,
    seed: 1,
  });
  t.comment(`${streams} streams, ${complete} read to their end`);
  t.ok(streams > 50);
  t.ok(complete > 0);
  t.strictSame(faults.slice(0, 5), []);
  await eventually(idle);
  t.equal(engine.stats().activeTokens, 0);
  // What is left is what fetch keeps open.
  let open = Infinity;
  for (let i = 0; i < 200 && open > 2; i++) {
    open = await connections();
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  t.ok(open <= 2, `${open} connections`);
  t.equal(listeners(), before.listeners);
  t.ok((await files()) <= before.files + 2, `${await files()} files open, ${before.files} before`);
  t.strictSame(warnings, [], 'no leak of listeners was reported');
});
