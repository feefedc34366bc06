import { connect } from 'node:net';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import t from 'tap';
import { loggerOptions } from '#http/observability/logging.js';
import { Registry } from '#registry/registry.js';
import { delta } from '#test/support/fake-engine.js';
import { eventData, eventually, fakeModel, startServer } from '#test/support/http-server.js';

const NAMES = [
  'x\r\nset-cookie: a=b',
  'x\nforged line',
  '"quoted\\"',
  '__proto__',
  'a b/c?d#e%',
  '\u0000',
  '🦊',
];

let log = '';
const sink = new Writable({
  write(chunk: Buffer, _encoding, done) {
    log += chunk.toString();
    done();
  },
});
const registry = new Registry([fakeModel('letters'), ...NAMES.map(name => fakeModel(name))]);
const { url, port } = await startServer(t, { registry, logger: pino(loggerOptions('debug'), sink) });

const post = (path: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

t.test('keys that would change a prototype are keys like others', async t => {
  const poisoned = [
    '{"__proto__": {"polluted": true}, "model": "letters", "prompt": "a"}',
    '{"constructor": {"prototype": {"polluted": true}}, "model": "letters", "prompt": "a"}',
    '{"model": "letters", "prompt": "a", "logit_bias": {"__proto__": {"polluted": 1}}}',
    '{"model": "letters", "prompt": "a", "stream": true, "stream_options": {"__proto__": {"include_usage": true}}}',
    '{"model": "letters", "messages": [{"role": "user", "content": "a", "__proto__": {"role": "system"}}]}',
    '[{"__proto__": {"polluted": true}}]',
  ];
  for (const body of poisoned)
    for (const path of ['/v1/completions', '/v1/chat/completions', '/v1/embeddings']) {
      const { status } = await post(path, body);
      t.ok(status < 500, `${path} ${status} ${body}`);
    }
  await fetch(`${url}/v1/models?__proto__[polluted]=1&constructor.prototype.polluted=1`);
  const clean: Record<string, unknown> = {};
  t.equal(clean.polluted, undefined);
  t.equal(clean.include_usage, undefined);
});

t.test('names of the language are no names of models', async t => {
  for (const name of ['constructor', 'toString', 'hasOwnProperty', '__defineGetter__']) {
    t.equal((await post('/v1/completions', JSON.stringify({ model: name, prompt: 'a' }))).status, 404, name);
    t.equal((await fetch(`${url}/v1/models/${name}`)).status, 404, name);
  }
});

t.test('models of strange names are served, and their names stay data', async t => {
  log = '';
  for (const name of NAMES) {
    const answer = await post('/v1/completions', JSON.stringify({ model: name, prompt: 'a', max_tokens: 2 }));
    t.equal(answer.status, 200, JSON.stringify(name));
    t.match(await answer.json(), { model: name });
    t.equal(answer.headers.get('set-cookie'), null);
    const described = await fetch(`${url}/v1/models/${encodeURIComponent(name)}`);
    t.match(await described.json(), { id: name });
    t.equal(described.headers.get('set-cookie'), null);
    const missing = await post('/v1/completions', JSON.stringify({ model: `no ${name}`, prompt: 'a' }));
    t.equal(missing.status, 404);
    t.equal(missing.headers.get('set-cookie'), null);
  }
  await eventually(() => log.split('"msg":"request"').length > NAMES.length * 3);
  for (const line of log.trim().split('\n')) t.doesNotThrow(() => void JSON.parse(line), line);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const series = /^[a-z_:]+(\{([a-z_]+="([^"\\]|\\[\\"n])*",?)+\})? \S+$/;
  const strange = metrics
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('# ') && !series.test(line));
  t.strictSame(strange, [], 'metrics have no forged line');
});

t.test('request ids that are no ids are replaced, in the answer and the log', async t => {
  log = '';
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', chunk => (answer += chunk.toString()));
  const ids = ['a b', 'é', '"},{"x":"', 'a\tb', '<script>', 'x'.repeat(200)];
  for (const id of ids) socket.write(`GET /health/live HTTP/1.1\r\nhost: x\r\nx-request-id: ${id}\r\n\r\n`);
  socket.write('GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  await once(socket, 'close');
  const answered = [...answer.matchAll(/x-request-id: (.*)\r\n/g)].map(([, id]) => id);
  t.equal(answered.length, ids.length + 1);
  for (const id of answered) t.match(id, /^[0-9a-f-]{36}$/);
  await eventually(() => log.split('"msg":"request"').length > ids.length);
  for (const line of log.trim().split('\n'))
    t.match((JSON.parse(line) as { reqId: string }).reqId, /^[0-9a-f-]{36}$/);
});

t.test('text that looks like events stays text', async t => {
  const texts = [
    '\n\ndata: [DONE]\n\n',
    '\r\n\r\ndata: {"forged": true}\r\n\r\n',
    '\revent: error\rid: 1\rretry: 0\r\r',
    ': comment\n\u2028\u2029\u0085',
    'data: ',
    '\u0000\ufeff</script>',
    '\ud800',
  ];
  const server = await startServer(t);
  server.engine.script = async function* () {
    for (const text of texts) {
      await new Promise(resolve => setTimeout(resolve, 5));
      yield { ...delta('a'), text };
    }
    yield delta('', 'stop');
  };
  const response = await fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'letters', prompt: 'a', stream: true }),
  });
  const stream = await response.text();
  const lines = stream.split(/\r\n|\r|\n/).filter(line => line !== '');
  t.ok(
    lines.every(line => line.startsWith('data: ')),
    'each line of the stream is the data of one event',
  );
  const data = eventData(stream);
  t.equal(data.pop(), '[DONE]');
  t.notOk(data.includes('[DONE]'));
  const pieces = data.map(event => (JSON.parse(event) as { choices: [{ text: string }] }).choices[0].text);
  t.equal(pieces.join(''), texts.join(''));
});
