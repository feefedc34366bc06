import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import fastify, { type FastifyReply } from 'fastify';
import t, { type Test } from 'tap';
import { EventChannel } from '#engine/event-channel.js';
import { handleErrors } from '#http/errors/error-handling.js';
import { scopeOf } from '#http/lifecycle/request-scope.js';
import { sendEvents } from '#http/event-stream.js';
import { KvasirError } from '#errors.js';
import { delta } from '#test/support/fake-engine.js';
import { eventData } from '#test/support/event-data.js';
import { eventually } from '#test/support/eventually.js';

/** @returns the port of a server whose answer to `GET /` are the given events. */
async function serve(t: Test, events: (reply: FastifyReply) => AsyncIterable<object>): Promise<number> {
  const app = fastify({ forceCloseConnections: true });
  handleErrors(app);
  app.get('/', (_request, reply) => sendEvents(reply, events(reply)));
  t.teardown(() => app.close());
  await app.listen({ port: 0, host: '127.0.0.1' });
  return (app.server.address() as AddressInfo).port;
}

/** A client that reads nothing unless told to. */
function slowClient(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  return socket;
}

t.test('events, then [DONE]', async t => {
  const port = await serve(t, async function* () {
    yield { text: 'two\nlines' };
    yield { n: 1 };
  });
  const response = await fetch(`http://127.0.0.1:${port}/`);
  t.match(Object.fromEntries(response.headers), {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  });
  t.equal(await response.text(), 'data: {"text":"two\\nlines"}\n\ndata: {"n":1}\n\ndata: [DONE]\n\n');
});

t.test('an empty stream', async t => {
  const port = await serve(t, async function* () {});
  t.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'data: [DONE]\n\n');
});

t.test('an error before the first event keeps its status', async t => {
  const port = await serve(t, async function* () {
    await new Promise(setImmediate);
    throw new KvasirError('queue_full', 'later');
    yield {};
  });
  const response = await fetch(`http://127.0.0.1:${port}/`);
  t.equal(response.status, 429);
  t.equal(response.headers.get('retry-after'), '1');
  t.match(await response.json(), { error: { code: 'queue_full' } });
});

t.test('an error after it is an event', async t => {
  const port = await serve(t, async function* () {
    yield {};
    throw new KvasirError('shutting_down', 'bye');
  });
  const data = eventData(await (await fetch(`http://127.0.0.1:${port}/`)).text());
  t.match(
    data.map(event => (event === '[DONE]' ? event : (JSON.parse(event) as unknown))),
    [{}, { error: { message: 'bye', code: 'shutting_down' } }, '[DONE]'],
  );
});

t.test('headers are sent with the first event, not before', async t => {
  let begin = (): void => undefined;
  const port = await serve(t, async function* () {
    await new Promise<void>(resolve => (begin = resolve));
    yield {};
  });
  let answered = false;
  const response = fetch(`http://127.0.0.1:${port}/`).finally(() => (answered = true));
  await new Promise(resolve => setTimeout(resolve, 50));
  t.notOk(answered);
  begin();
  t.equal((await response).status, 200);
});

t.test('a slow reader makes the source wait, and misses nothing', async t => {
  const piece = 'x'.repeat(10_000);
  let pulled = 0;
  const port = await serve(t, async function* () {
    for (; pulled < 5000; pulled++) yield { piece };
  });
  const socket = slowClient(port);
  await eventually(() => pulled > 0);
  let seen = -1;
  while (seen !== pulled) {
    seen = pulled;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  t.ok(pulled < 2500, `${pulled} of 5000 events were fetched ahead: what the kernel's socket buffers hold`);
  let length = 0;
  socket.on('data', chunk => (length += chunk.length));
  socket.resume();
  await once(socket, 'close');
  t.ok(length > 5000 * piece.length);
});

t.test('what a slow reader of a sequence left lying comes in one piece', async t => {
  const channel = new EventChannel(() => undefined);
  const port = await serve(t, () => channel);
  channel.push(delta('first'));
  const response = await fetch(`http://127.0.0.1:${port}/`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  t.match((await reader.read()).value, /first/);
  for (const text of ['a', 'b', 'c']) channel.push(delta(text));
  channel.push(delta('d', 'stop'));
  channel.end();
  let rest = '';
  for (let read = await reader.read(); !read.done; read = await reader.read()) rest += read.value;
  t.equal(
    eventData(rest)
      .slice(0, -1)
      .map(event => (JSON.parse(event) as { text: string }).text)
      .join(''),
    'abcd',
  );
});

for (const waiting of ['for the source', 'for the socket to drain']) {
  t.test(`a client that leaves while the stream waits ${waiting}`, async t => {
    let released = false;
    let yielded = 0;
    const port = await serve(t, async function* (reply) {
      const gone = scopeOf(reply).signal;
      try {
        for (;;) {
          yield { text: 'x'.repeat(100_000) };
          yielded++;
          if (waiting === 'for the source') await once(gone, 'abort');
        }
      } finally {
        released = true;
      }
    });
    const socket = slowClient(port);
    await once(socket, 'connect');
    if (waiting === 'for the source') await once(socket.resume(), 'data');
    else {
      let seen = -1;
      while (seen !== yielded || yielded === 0) {
        seen = yielded;
        await new Promise(resolve => setTimeout(resolve, 50));
      }
    }
    t.notOk(released);
    socket.destroy();
    await eventually(() => released);
    t.ok(released);
  });
}
