import t from 'tap';
import type { Script } from '#test/support/fake-engine.js';
import { delta, untilAborted } from '#test/support/fake-engine.js';
import { eventData, eventually, startServer } from '#test/support/http-server.js';

const complete = (url: string, fields: object = {}): Promise<Response> =>
  fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'letters', prompt: 'a', ...fields }),
  });

t.test('running streams come to their end, new requests are refused', async t => {
  const { app, engine, url } = await startServer(t, { drainTimeout: 30_000 });
  let finish = (): void => undefined;
  engine.script = async function* () {
    yield delta('a');
    await new Promise<void>(resolve => (finish = resolve));
    yield delta('b', 'stop');
  };
  const stream = await complete(url, { stream: true });
  let closed = false;
  const closing = app.close().then(() => (closed = true));
  await eventually(() => finish.name !== 'finish');
  const ready = await fetch(`${url}/health/ready`);
  t.equal(ready.status, 503);
  t.match(await ready.json(), { error: { code: 'shutting_down' } });
  const refused = await complete(url);
  t.equal(refused.status, 503);
  t.ok(Number(refused.headers.get('retry-after')) > 0);
  t.equal((await fetch(`${url}/health/live`)).status, 200);
  t.match(
    await (await fetch(`${url}/metrics`)).text(),
    /vllm:num_requests_running\{model_name="letters"\} 1/,
  );
  t.notOk(closed);
  finish();
  const data = eventData(await stream.text());
  t.match(data, [/"text":"a"/, /"finish_reason":"stop"/, '[DONE]']);
  await closing;
  t.equal(engine.cancelled.length, 0);
});

const endless: Script = async function* (_request, signal) {
  yield delta('a');
  await untilAborted(signal);
};

t.test('what goes on for too long gets an error event', async t => {
  const { app, engine, url } = await startServer(t, { drainTimeout: 300 });
  engine.script = endless;
  const stream = await complete(url, { stream: true });
  const started = performance.now();
  await Promise.all([
    app.close(),
    stream.text().then(text => {
      const data = eventData(text);
      t.match(JSON.parse(data[1]!), { error: { code: 'shutting_down' } });
      t.equal(data[2], '[DONE]');
    }),
  ]);
  t.ok(performance.now() - started >= 290);
});

t.test('with nothing to do it closes at once', async t => {
  const { app, url } = await startServer(t, { drainTimeout: 30_000 });
  await (await complete(url)).text();
  const started = performance.now();
  await app.close();
  t.ok(performance.now() - started < 10_000);
});
