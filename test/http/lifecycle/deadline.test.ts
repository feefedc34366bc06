import OpenAI from 'openai';
import t from 'tap';
import { delta, silence, untilAborted } from '#test/support/fake-engine.js';
import { eventData, startServer } from '#test/support/http-server.js';

const { engine, url } = await startServer(t);
t.beforeEach(() => engine.reset());

const complete = (fields: object, headers: Record<string, string>, base = url): Promise<Response> =>
  fetch(`${base}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'letters', prompt: 'a', ...fields }),
  });

t.test('a request whose time is over is taken back', async t => {
  engine.script = silence;
  const started = performance.now();
  const response = await complete({ n: 2 }, { 'x-request-timeout': '0.4' });
  t.ok(performance.now() - started >= 395);
  t.equal(response.status, 504);
  t.equal(response.headers.get('x-should-retry'), 'false');
  t.match(await response.json(), { error: { code: 'deadline_exceeded', type: 'server_error' } });
  t.equal(engine.cancelled.length, 2);
  t.equal(engine.running.size, 0);
});

t.test('in mid-stream it is an event', async t => {
  engine.script = async function* (_request, signal) {
    yield delta('a');
    await untilAborted(signal);
  };
  const response = await complete({ stream: true }, { 'x-request-timeout': '1' });
  t.equal(response.status, 200);
  const data = eventData(await response.text());
  t.match(JSON.parse(data[1]!), { error: { code: 'deadline_exceeded' } });
  t.equal(data[2], '[DONE]');
  t.equal(engine.running.size, 0);
});

t.test('the server has a limit of its own, and nobody gets more', async t => {
  const strict = await startServer(t, { requestTimeout: 100 });
  strict.engine.script = silence;
  t.equal((await complete({}, {}, strict.url)).status, 504);
  t.equal((await complete({}, { 'x-request-timeout': '60' }, strict.url)).status, 504);
});

t.test('one that is answered in time, and what is no time', async t => {
  t.equal((await complete({}, { 'x-request-timeout': '30' })).status, 200);
  t.equal((await complete({}, { 'x-request-timeout': '1e12' })).status, 200);
  for (const wrong of ['', '0', '-1', 'soon', 'NaN', 'Infinity0']) {
    const response = await complete({}, { 'x-request-timeout': wrong });
    t.equal(response.status, 400, wrong);
    t.match(await response.json(), { error: { param: 'x-request-timeout', code: 'invalid_request' } });
  }
});

t.test("OpenAI's client does not send such a request again", async t => {
  engine.script = silence;
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 2 });
  await t.rejects(
    client.completions.create(
      { model: 'letters', prompt: 'a' },
      { headers: { 'x-request-timeout': '0.05' } },
    ),
    { status: 504, code: 'deadline_exceeded' },
  );
  t.equal(engine.requests.length, 1);
});
