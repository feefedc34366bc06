import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { Registry } from '#registry/registry.js';
import { delta, FakeEngine, untilAborted, type Script } from '#test/support/fake-engine.js';
import { eventually, fakeModel, startServer } from '#test/support/http-server.js';

const MIB = 1024 * 1024;

/** Text without an end. */
const flood: Script = async function* (_request, signal) {
  while (!signal.aborted) {
    yield { ...delta('a'), text: 'a'.repeat(MIB) };
    await new Promise(setImmediate);
  }
};

/** More than the kernel's buffers take, at once. */
const whole: Script = async function* () {
  yield { ...delta('a', 'stop'), text: 'a'.repeat(64 * MIB) };
};

async function serve(t: Test, script: Script) {
  const engine = new FakeEngine(script);
  const registry = new Registry([
    { id: 'letters', idleMs: 1, load: async () => fakeModel('letters', engine) },
  ]);
  return { registry, ...(await startServer(t, { registry, writeTimeout: 400 })), engine };
}

function ask(port: number, stream: boolean): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  const body = JSON.stringify({ model: 'letters', prompt: 'a', stream });
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

for (const [name, stream, script] of [
  ['a stream', true, flood],
  ['an answer in one piece', false, whole],
] as const)
  t.test(`${name} that nobody reads is ended, and its model let go`, async t => {
    const { port, registry, engine } = await serve(t, script);
    const socket = ask(port, stream);
    t.teardown(() => socket.destroy());
    // What a client sends meanwhile is no sign that it reads.
    const timer = setInterval(() => socket.write('x'), 50);
    t.teardown(() => clearInterval(timer));
    await eventually(() => engine.requests.length === 1);
    await eventually(() => engine.running.size === 0);
    await eventually(() => registry.entry('letters').state === 'unloaded');
  });

t.test('a slow reader is served to the end', async t => {
  const { port } = await serve(t, whole);
  const socket = ask(port, false);
  let bytes = 0;
  const started = performance.now();
  socket.on('data', chunk => {
    bytes += chunk.length;
    socket.pause();
    setTimeout(() => socket.resume(), 2);
  });
  socket.resume();
  await eventually(() => bytes >= 64 * MIB);
  t.ok(performance.now() - started > 1000, 'it took longer than the limit');
  socket.destroy();
});

t.test('a model that takes its time is no client that does not read', async t => {
  const { port, engine } = await serve(t, async function* (_request, signal) {
    yield delta('a');
    await untilAborted(signal);
  });
  const socket = ask(port, true);
  socket.resume();
  await once(socket, 'data');
  await new Promise(resolve => setTimeout(resolve, 1000));
  t.equal(engine.running.size, 1);
  socket.destroy();
});
