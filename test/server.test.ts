import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import t from 'tap';
import { ApiKeys } from '#http/security/api-keys.js';
import { loggerOptions } from '#http/observability/logging.js';
import { Registry } from '#registry/registry.js';
import { createServer, openApiDocument } from '#server.js';
import { delta, silence, untilAborted } from './support/fake-engine.js';
import { eventData, eventually, startServer } from './support/http-server.js';

const { app, engine, port, url } = await startServer(t, { bodyLimit: 1000 });
t.beforeEach(() => engine.reset());

const post = (
  path: string,
  body: string,
  headers: Record<string, string> = {},
  base = url,
): Promise<Response> =>
  fetch(base + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

const completion = (fields: object = {}): string =>
  JSON.stringify({ model: 'letters', prompt: 'secret', ...fields });

/** Sends bytes, and resolves with all that comes back. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', chunk => (answer += chunk.toString()));
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

t.test('everything that can go wrong before a route has the shape of an OpenAI error', async t => {
  type Case = [name: string, response: Promise<Response>, status: number, code: string];
  const cases: Case[] = [
    ['unknown address', fetch(`${url}/nowhere?a=b`), 404, 'unknown_url'],
    ['unknown address under /v1', post('/v1/nowhere', '{}'), 404, 'unknown_url'],
    ['wrong method', fetch(`${url}/v1/completions`), 405, 'method_not_allowed'],
    [
      'unknown address, no JSON',
      post('/v1/nowhere', '{"a', { 'content-type': 'text/csv' }),
      404,
      'unknown_url',
    ],
    ['unknown address, large body', post('/v1/nowhere', 'a'.repeat(2000)), 404, 'unknown_url'],
    [
      'wrong method, no JSON',
      fetch(`${url}/v1/completions`, { method: 'PUT', body: 'x' }),
      405,
      'method_not_allowed',
    ],
    ['malformed JSON', post('/v1/completions', '{"prompt": "secret'), 400, 'invalid_request'],
    ['no body', post('/v1/completions', ''), 400, 'invalid_request'],
    [
      'content type',
      post('/v1/completions', completion(), { 'content-type': 'text/csv' }),
      415,
      'unsupported_media_type',
    ],
    ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'].map(
      (type): Case => [
        type,
        post('/v1/completions', completion(), { 'content-type': type }),
        415,
        'unsupported_media_type',
      ],
    ),
    ['no body and no type', fetch(`${url}/v1/completions`, { method: 'POST' }), 400, 'invalid_request'],
    ['body size', post('/v1/completions', completion({ prompt: 'a'.repeat(1000) })), 413, 'body_too_large'],
    ['a bad address', fetch(`${url}/v1/models/%zz`), 400, 'invalid_request'],
  ];
  for (const [name, pending, status, code] of cases) {
    const response = await pending;
    t.equal(response.status, status, name);
    const body = (await response.json()) as { error: { message: string } };
    t.match(body, { error: { type: 'invalid_request_error', param: null, code } }, name);
    t.notMatch(body.error.message, /secret/, name);
  }
  t.equal((await fetch(`${url}/v1/completions`)).headers.get('allow'), 'POST');
  t.equal((await post('/v1/models/letters', '{}')).headers.get('allow'), 'GET, HEAD');
});

t.test('refusals of bodies say what would be taken', async t => {
  const message = async (response: Promise<Response>): Promise<string> =>
    ((await (await response).json()) as { error: { message: string } }).error.message;
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  t.match(await message(post('/v1/completions', 'a=b', form)), /must be JSON.*application\/json/);
  t.match(await message(fetch(`${url}/v1/completions`, { method: 'POST' })), /the body is empty/);
  t.match(await message(post('/v1/completions', '')), /the body is empty/);
  const large = completion({ prompt: 'a'.repeat(1000) });
  t.match(await message(post('/v1/completions', large)), /more than 1000 bytes, .*body_limit/);
  const pieces = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(large));
      controller.close();
    },
  });
  const headers = { 'content-type': 'application/json' };
  const chunked = { method: 'POST', body: pieces, duplex: 'half', headers } as RequestInit;
  t.match(await message(fetch(`${url}/v1/completions`, chunked)), /more than 1000 bytes, .*body_limit/);
});

t.test('bytes that are no request', async t => {
  const answer = await raw('NONSENSE\r\n\r\n');
  t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
  t.match(JSON.parse(answer.split('\r\n\r\n')[1]!), { error: { code: 'invalid_request' } });
  t.match(await raw(`GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
});

t.test('request ids', async t => {
  const id = async (headers?: Record<string, string>, path = '/health/live'): Promise<string | null> =>
    (await fetch(url + path, headers && { headers })).headers.get('x-request-id');
  t.equal(await id({ 'x-request-id': 'my-id:1' }), 'my-id:1');
  t.equal(await id({ 'x-request-id': 'my-id:1' }, '/nowhere'), 'my-id:1');
  t.match(await id(), /^[0-9a-f-]{36}$/);
  t.not(await id(), await id());
  t.match(await id({ 'x-request-id': 'a b' }), /^[0-9a-f-]{36}$/);
  t.match(await id({ 'x-request-id': 'a'.repeat(200) }), /^[0-9a-f-]{36}$/);
});

t.test('the log: one line a request, and nobody else reads along', async t => {
  const lines: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  const server = await startServer(t, { logger: pino(loggerOptions('trace'), sink) });
  lines.length = 0;
  const headers = { 'x-request-id': 'me' };
  await post('/v1/completions?token=secret', completion(), headers, server.url);
  await post('/v1/completions', completion({ temperature: 'secret', stop: 'secret' }), headers, server.url);
  await post('/v1/completions', '{"secret', headers, server.url);
  server.engine.script = async function* () {
    yield delta('secret');
    throw new Error('broken');
  };
  await (await post('/v1/completions', completion({ stream: true }), headers, server.url)).text();
  await eventually(() => lines.filter(line => line.msg === 'request').length === 4);
  t.match(
    lines
      .filter(line => line.msg === 'request')
      .map(({ level, reqId, method, path, status, ms }) => [level, reqId, method, path, status, ms]),
    [200, 400, 400, 200].map(status => ['info', 'me', 'POST', '/v1/completions', status, Number]),
  );
  t.match(
    lines.filter(line => line.level === 'error'),
    [{ reqId: 'me', err: { message: 'broken', stack: String } }],
  );
  t.notMatch(JSON.stringify(lines), /secret/);
});

t.test('an API key', async t => {
  const guarded = await startServer(t, { apiKeys: new ApiKeys(['key', 'other']) });
  const status = async (path: string, authorization?: string): Promise<number> =>
    (await fetch(guarded.url + path, authorization === undefined ? {} : { headers: { authorization } }))
      .status;
  for (const wrong of [undefined, 'Bearer', 'Bearer kez', 'Bearer key2', 'Basic key', 'key']) {
    t.equal(await status('/v1/models', wrong), 401, wrong ?? 'none');
  }
  t.equal(await status('/v1/models', 'Bearer key'), 200);
  t.equal(await status('/v1/models', 'bearer key'), 200);
  for (const path of ['/v1/nowhere', '/nowhere', '/%761/models', '/v%31/models', '/healthy', '/info']) {
    t.equal(await status(path), 401, path);
  }
  for (const path of [
    '/health',
    '/v1/health',
    '/ping',
    '/version',
    '/health/ready',
    '/docs',
    '/docs/static/index.html',
    '/metrics/slots',
    '/openapi.json',
    '/openapi.yaml',
  ]) {
    t.equal(await status(path), 200, path);
  }
  const refused = await post('/v1/completions', completion(), {}, guarded.url);
  t.equal(refused.headers.get('www-authenticate'), 'Bearer');
  t.match(await refused.json(), { error: { type: 'authentication_error', code: 'invalid_api_key' } });
  t.equal(guarded.engine.requests.length, 0);
});

t.test('openapi.yaml is what the routes say', async t => {
  const file = await readFile(new URL('../../openapi.yaml', import.meta.url), 'utf8');
  t.equal(await openApiDocument(), file, 'if not: npm run openapi');
  t.equal(await (await fetch(`${url}/openapi.yaml`)).text(), file);
  const json = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: object };
  t.match(json, { openapi: '3.1.0', info: { title: 'Kvasir' } });
  t.strictSame(Object.keys(json.paths), [
    '/health',
    '/ping',
    '/version',
    '/health/live',
    '/health/ready',
    '/metrics',
    '/metrics/slots',
    '/embed',
    '/embed_all',
    '/embed_sparse',
    '/predict',
    '/rerank',
    '/similarity',
    '/tokenize',
    '/decode',
    '/info',
    '/',
    '/invocations',
    '/v1/audio/transcriptions',
    '/v1/audio/translations',
    '/v1/chat/completions',
    '/v1/classify',
    '/v1/completions',
    '/v1/detokenize',
    '/v1/embeddings',
    '/v1/fill-mask',
    '/v1/models',
    '/v1/models/{model}',
    '/v1/question-answering',
    '/v1/rerank',
    '/v1/responses',
    '/v1/score',
    '/v1/token-classification',
    '/v1/tokenize',
    '/v2',
    '/v2/health/live',
    '/v2/health/ready',
    '/v2/models/{model}',
    '/v2/models/{model}/ready',
    '/v2/models/{model}/infer',
    '/translate',
    '/detect',
    '/languages',
    '/frontend/settings',
  ]);
});

const ERROR_SHAPES: Readonly<Record<string, string>> = {
  'Text Embeddings Inference': 'TeiError',
  'Open Inference Protocol': 'InferenceError',
  LibreTranslate: 'LibreTranslateError',
};

t.test('every operation of the document is described, and so is every way it fails', async t => {
  interface Operation {
    operationId?: string;
    summary?: string;
    description?: string;
    tags?: string[];
    responses: Record<
      string,
      { description: string; content?: Record<string, { schema: { $ref?: string } }> }
    >;
  }
  const { paths } = app.swagger() as unknown as { paths: Record<string, Record<string, Operation>> };
  for (const [path, operations] of Object.entries(paths)) {
    for (const operation of Object.values(operations)) {
      t.match(operation, { operationId: String, summary: String, description: String, tags: [String] }, path);
      for (const [status, { description, content }] of Object.entries(operation.responses)) {
        t.not(description, 'Default Response', `${path} ${status}`);
        if (Number(status) >= 400) {
          const shape = ERROR_SHAPES[operation.tags![0]!] ?? 'Error';
          t.equal(
            content!['application/json']!.schema.$ref,
            `#/components/schemas/${shape}`,
            `${path} ${status}`,
          );
        }
      }
    }
  }
});

t.test('the pages of the documentation', async t => {
  const page = await fetch(`${url}/docs`);
  t.equal(page.status, 200);
  t.match(page.headers.get('content-type'), /text\/html/);
});

t.test(
  'closing: streams end with an error event, new requests are refused, the engine is closed',
  async t => {
    const server = await startServer(t, { closeGrace: 60_000 });
    server.engine.script = async function* (_request, signal) {
      yield delta('a');
      await untilAborted(signal);
    };
    const stream = await post('/v1/completions', completion({ stream: true }), {}, server.url);
    server.engine.script = silence;
    const waiting = post('/v1/completions', completion(), {}, server.url);
    await eventually(() => server.engine.running.size === 2);
    const started = performance.now();
    const closed = server.app.close();
    const refused = await waiting;
    t.equal(refused.status, 503);
    t.equal(refused.headers.get('retry-after'), '5');
    const data = eventData(await stream.text());
    t.match(JSON.parse(data[1]!), { error: { code: 'shutting_down', type: 'server_error' } });
    t.equal(data[2], '[DONE]');
    await closed;
    t.ok(performance.now() - started < 50_000, 'idle keep-alive connections do not hold it up');
    t.throws(() => server.engine.generate(server.engine.requests[0]!), { code: 'shutting_down' });
  },
);

t.test('closing: while the models are being freed', async t => {
  let release = (): void => undefined;
  const registry = Object.assign(new Registry([]), {
    close: () => new Promise<void>(resolve => (release = resolve)),
  });
  const server = await startServer(t, { registry });
  const closed = server.app.close();
  await eventually(() => release.name !== 'release');
  const response = await fetch(`${server.url}/health/ready`);
  t.equal(response.status, 503);
  t.equal(response.headers.get('connection'), 'close');
  t.match(await response.json(), { error: { code: 'shutting_down' } });
  t.equal((await fetch(`${server.url}/health/live`)).status, 200);
  release();
  await closed;
});

t.test(
  'closing: a client that does not read is cut off after the grace, one that sends nothing at once',
  async t => {
    const server = await startServer(t, { closeGrace: 1000 });
    server.engine.script = async function* (_request, signal) {
      // More than the kernel's buffers take.
      yield { ...delta('a'), text: 'a'.repeat(32 * 1024 * 1024) };
      await untilAborted(signal);
    };
    const sockets: Socket[] = [];
    server.app.server.on('connection', socket => sockets.push(socket));
    const mute = connect(server.port, '127.0.0.1');
    await eventually(() => sockets.length === 1);
    const deaf = connect(server.port, '127.0.0.1');
    deaf.on('error', () => undefined);
    deaf.pause();
    const body = completion({ stream: true });
    deaf.write(
      `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    let stuck = 0;
    await eventually(() => (stuck = sockets[1]?.writableNeedDrain ? stuck + 1 : 0) > 20);
    const muteClosed = once(mute.resume(), 'close');
    const started = performance.now();
    const closed = server.app.close();
    await muteClosed;
    t.notOk(sockets[1]!.destroyed);
    await closed;
    t.ok(performance.now() - started >= 900, 'the grace was given');
    deaf.destroy();
  },
);

t.test('a server that never listened closes too', async t => {
  const idle = await createServer({ registry: new Registry([]) });
  await idle.close();
  t.pass();
});
