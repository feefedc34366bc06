import { Writable } from 'node:stream';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import type { GenerationEvent } from '#engine/types.js';
import { ApiKeys } from '#http/security/api-keys.js';
import { loggerOptions } from '#http/observability/logging.js';
import { delta, untilAborted } from '#test/support/fake-engine.js';
import { eventually, startServer } from '#test/support/http-server.js';

const REPORT = {
  promptTokens: 3,
  cachedTokens: 2,
  generatedTokens: 5,
  queueMs: 1.4,
  prefillMs: 20,
  decodeMs: 30.6,
};

type Line = Record<string, unknown>;

/** A server and what it logs. */
async function logged(t: Test) {
  const lines: Line[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Line);
      done();
    },
  });
  const logger = pino(loggerOptions('debug'), sink);
  const server = await startServer(t, { logger, apiKeys: new ApiKeys(['secret-key']) });
  const post = (fields: object, signal?: AbortSignal): Promise<Response> =>
    fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer secret-key',
        'x-request-id': 'me',
      },
      body: JSON.stringify({ model: 'letters', prompt: 'abc', ...fields }),
      ...(signal && { signal }),
    });
  const requests = (): Line[] => lines.filter(({ msg }) => msg === 'request');
  return { ...server, lines, post, requests };
}

t.test('a line tells what a request took', async t => {
  const { engine, post, requests, lines } = await logged(t);
  engine.script = async function* (): AsyncGenerator<GenerationEvent> {
    yield delta('ab');
    yield { ...delta('c', 'stop'), report: REPORT } as GenerationEvent;
  };
  await (await post({ n: 2 })).json();
  await eventually(() => requests().length === 1);
  const [line] = requests();
  t.match(line, {
    level: 'info',
    reqId: 'me',
    method: 'POST',
    path: '/v1/completions',
    status: 200,
    model: 'letters',
    key: /^[0-9a-f]{12}$/,
    generation: /^cmpl-.*-0$/,
    sequences: 2,
    finish: 'stop',
    prompt_tokens: 6,
    cached_tokens: 4,
    generated_tokens: 10,
    queue_ms: 1,
    prefill_ms: 20,
    decode_ms: 31,
  });
  t.notMatch(JSON.stringify(lines), /secret-key/);
});

t.test('a client that leaves', async t => {
  const { engine, post, requests } = await logged(t);
  engine.script = async function* (_request, signal) {
    yield delta('ab');
    await untilAborted(signal);
  };
  const controller = new AbortController();
  const stream = await post({ stream: true }, controller.signal);
  await stream.body!.getReader().read();
  controller.abort();
  await eventually(() => requests().length === 1);
  t.match(requests()[0], {
    status: 499,
    aborted: true,
    sequences: 1,
    finish: 'abort',
    generated_tokens: 2,
  });

  const waiting = new AbortController();
  const left = post({}, waiting.signal);
  await eventually(() => engine.running.size === 1);
  waiting.abort();
  await t.rejects(left);
  await eventually(() => requests().length === 2);
  t.match(requests()[1], { status: 499, finish: 'abort' });
});

t.test('refusals have their code, failures in mid-stream too', async t => {
  const { engine, post, requests } = await logged(t);
  engine.capacity = 0;
  await (await post({})).json();
  engine.capacity = 1;
  engine.script = async function* () {
    yield delta('a');
    throw new Error('broken');
  };
  await (await post({ stream: true })).text();
  await eventually(() => requests().length === 2);
  const [refused, failed] = requests();
  t.match(refused, { status: 429, error: 'queue_full', model: 'letters' });
  t.notOk('sequences' in refused!);
  t.match(failed, { status: 200, error: 'internal_error', finish: 'error' });
});

t.test('headers would not show secrets if somebody logged them', async t => {
  let text = '';
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const logger = pino(loggerOptions('info'), sink);
  const headers = { authorization: 'Bearer secret', cookie: 'secret', 'x-api-key': 'secret', host: 'x' };
  logger.info({ req: { headers } }, 'oops');
  logger.info({ headers }, 'oops');
  t.match(text, /"host":"x"/);
  t.notMatch(text, /secret/);
});
