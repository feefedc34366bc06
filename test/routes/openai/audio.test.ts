import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable, Writable } from 'node:stream';
import fc from 'fast-check';
import { pino } from 'pino';
import t from 'tap';
import { KvasirError } from '#errors.js';
import { ApiKeys } from '#http/security/api-keys.js';
import { loggerOptions } from '#http/observability/logging.js';
import { Registry } from '#registry/registry.js';
import { transcriptionPeerFields } from '#routes/openai/audio-transcriptions/peer-fields.js';
import { formOf, type FormValues } from '#test/support/audio-form.js';
import { FakeSpeech, fakeSpeechModel, segment, type SpeechScript } from '#test/support/fake-speech.js';
import { eventData, eventually, fakeModel, startServer } from '#test/support/http-server.js';
import { wav } from '#test/support/wav.js';

let log = '';
const sink = new Writable({
  write(chunk: Buffer, _encoding, done) {
    log += chunk.toString();
    done();
  },
});

const speech = new FakeSpeech();
const english = new FakeSpeech({ languages: ['en'], translates: false, tellsWords: false });
const registry = new Registry([
  fakeModel('letters'),
  fakeSpeechModel('english', english),
  fakeSpeechModel('whisper', speech),
]);
const { url, port } = await startServer(t, { registry, logger: pino(loggerOptions('debug'), sink) });
const file = new Blob([wav(2)]);

t.beforeEach(() => {
  speech.reset();
  english.reset();
});

const send = (fields: FormValues, path = 'transcriptions', init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}/v1/audio/${path}`, {
    method: 'POST',
    body: formOf({ model: 'whisper', file, ...fields }),
    ...init,
  });

interface Refusal {
  readonly error: { readonly message: string; readonly param: string | null; readonly code: string };
}

const refusal = async (response: Promise<Response>): Promise<Refusal['error'] & { status: number }> => {
  const answer = await response;
  return { status: answer.status, ...((await answer.json()) as Refusal).error };
};

/** Ends when the client has left, or the server takes the request back. */
const untilAborted: SpeechScript = async function* (_sound, _request, signal) {
  yield { type: 'language', language: 'en', probability: 1 };
  yield { type: 'segment', segment: segment(0, [0, 1], ' And') };
  await once(signal!, 'abort');
  throw new KvasirError('cancelled', 'the request was cancelled');
};

t.test('each format', async t => {
  const answer = await send({});
  t.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
  t.strictSame(await answer.json(), {
    text: 'And so, my fellow Americans.',
    usage: { type: 'duration', seconds: 2 },
  });
  t.equal(await (await send({ response_format: 'text' })).text(), 'And so, my fellow Americans.\n');
  t.equal(
    await (await send({ response_format: 'srt' })).text(),
    '1\n00:00:00,000 --> 00:00:01,000\nAnd so, my fellow\n\n2\n00:00:01,000 --> 00:00:02,000\nAmericans.\n\n',
  );
  t.equal(
    await (await send({ response_format: 'vtt' })).text(),
    'WEBVTT\n\n00:00.000 --> 00:01.000\nAnd so, my fellow\n\n00:01.000 --> 00:02.000\nAmericans.\n\n',
  );
  const verbose = await (
    await send({
      response_format: 'verbose_json',
      timestamp_granularities: ['segment', 'word'],
      language: 'de',
    })
  ).json();
  t.match(verbose, {
    task: 'transcribe',
    language: 'german',
    duration: 2,
    text: 'And so, my fellow Americans.',
    segments: [{}, { start: 1, end: 2, text: ' Americans.' }],
    words: [{ word: 'And', start: 0, end: 0.25, probability: 0.5 }, {}, {}, {}, {}],
    usage: { type: 'duration', seconds: 2 },
  });
  t.strictSame((verbose as { segments: object[] }).segments[0], {
    id: 0,
    seek: 0,
    start: 0,
    end: 1,
    text: ' And so, my fellow',
    tokens: [50_364, 0, 1, 2, 3, 50_464],
    temperature: 0,
    avg_logprob: -0.25,
    compression_ratio: 1.5,
    no_speech_prob: 0.125,
  });
});

t.test('translations are in English, whatever is spoken', async t => {
  const answer = await send({ response_format: 'verbose_json', language: 'de' }, 'translations');
  t.match(await answer.json(), { task: 'translate', language: 'english' });
  t.match(speech.requests, [{ task: 'translate', language: 'de' }]);
});

t.test('a stream has what a whole answer has', async t => {
  const streamed = await send({ stream: true, include: ['logprobs'] });
  t.match(streamed.headers.get('content-type'), /^text\/event-stream/);
  const events = eventData(await streamed.text());
  t.equal(events.pop(), '[DONE]');
  const parsed = events.map(
    data => JSON.parse(data) as { type: string; delta?: string; logprobs?: object[] },
  );
  t.strictSame(
    parsed.map(({ type }) => type),
    ['transcript.text.delta', 'transcript.text.delta', 'transcript.text.done'],
  );
  const { logprobs, ...done } = parsed.at(-1)!;
  t.strictSame(done, {
    type: 'transcript.text.done',
    text: 'And so, my fellow Americans.',
    usage: { type: 'duration', seconds: 2 },
  });
  t.equal(parsed.map(({ delta = '' }) => delta).join(''), 'And so, my fellow Americans.');
  t.strictSame(
    logprobs,
    parsed.slice(0, -1).flatMap(({ logprobs = [] }) => logprobs),
  );
  t.strictSame(await (await send({ include: ['logprobs'] })).json(), {
    text: 'And so, my fellow Americans.',
    logprobs,
    usage: { type: 'duration', seconds: 2 },
  });
});

t.test('a verbose stream tells segments with their times as they come', async t => {
  const streamed = await send({
    stream: true,
    response_format: 'verbose_json',
    timestamp_granularities: ['word'],
  });
  const events = eventData(await streamed.text()).slice(0, -1);
  t.match(
    events.map(data => JSON.parse(data) as object),
    [
      { type: 'transcript.text.delta', delta: 'And so, my fellow' },
      { type: 'transcript.text.segment', id: 0, start: 0, end: 1, words: [{ word: 'And' }] },
      { type: 'transcript.text.delta', delta: ' Americans.' },
      { type: 'transcript.text.segment', id: 1, start: 1, end: 2 },
      { type: 'transcript.text.done', language: 'english', duration: 2 },
    ],
  );
  for (const format of ['srt', 'vtt'])
    t.match(await refusal(send({ stream: true, response_format: format })), { status: 400, param: 'stream' });
});

t.test('fields may stand before and behind the file, and the body may come in chunks', async t => {
  const before = formOf({ language: 'fr', file });
  const behind = formOf({ file, language: 'fr' });
  for (const body of [before, behind]) {
    body.append('model', 'whisper');
    t.equal((await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body })).status, 200);
    t.equal(speech.requests.at(-1)!.language, 'fr');
  }
  const whole = new Response(formOf({ file, model: 'whisper' }));
  const chunked = await fetch(`${url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { 'content-type': whole.headers.get('content-type')! },
    body: Readable.toWeb(Readable.from([Buffer.from(await whole.arrayBuffer())])) as ReadableStream,
    duplex: 'half',
  });
  t.equal(chunked.status, 200);
});

t.test('which model', async t => {
  await send({ model: null });
  t.equal(english.requests.length, 1, 'the first that hears');
  await send({ model: null }, 'translations');
  t.equal(speech.requests.length, 1, 'the first that translates what it hears');
  const cases: [FormValues, string, RegExp][] = [
    [
      { model: 'letters' },
      'transcriptions',
      /^the model "letters" cannot transcribe speech: it reads texts$/,
    ],
    [{ model: 'english' }, 'translations', /^the model "english" cannot translate speech$/],
    [{ model: 'whisper-1' }, 'transcriptions', /^the model "whisper-1" is not served here; there are:/],
  ];
  for (const [fields, path, message] of cases)
    t.match(await refusal(send(fields, path)), { status: 404, param: 'model', message });
  t.match(
    await refusal(
      send({ model: 'english', response_format: 'verbose_json', timestamp_granularities: ['word'] }),
    ),
    { status: 400, param: 'timestamp_granularities', message: /cannot tell when words are said/ },
  );
  const json = (path: string, body: object) =>
    refusal(
      fetch(`${url}/v1/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'whisper', ...body }),
      }),
    );
  const message = { role: 'user', content: 'a' };
  t.match(await json('completions', { prompt: 'a' }), { status: 404, message: /cannot generate text/ });
  t.match(await json('chat/completions', { messages: [message] }), { status: 404 });
  t.match(await json('embeddings', { input: 'a' }), { status: 404 });
  t.match(await (await fetch(`${url}/v1/models/whisper`)).json(), {
    task: 'automatic-speech-recognition',
    capabilities: ['audio/transcriptions', 'audio/translations'],
    spoken_languages: ['en', 'de', 'fr'],
  });
  t.match(await (await fetch(`${url}/v1/models/english`)).json(), { capabilities: ['audio/transcriptions'] });
});

t.test("OpenAI's name of the model is an alias where the operator names one", async t => {
  const source = {
    ...fakeSpeechModel('mine'),
    aliases: ['whisper-1'],
    load: async () => fakeSpeechModel('mine', speech),
  };
  const server = await startServer(t, { registry: new Registry([source]) });
  const body = formOf({ model: 'whisper-1', file });
  t.equal((await fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', body })).status, 200);
});

t.test('what is no form with a recording', async t => {
  const post = (body: RequestInit['body'], type?: string) =>
    refusal(
      fetch(`${url}/v1/audio/transcriptions`, {
        method: 'POST',
        body: body!,
        ...(type !== undefined && { headers: { 'content-type': type } }),
      }),
    );
  t.match(await post('{"model": "whisper"}', 'application/json'), {
    status: 400,
    message: /^the body must be a form, with the header content-type: multipart\/form-data/,
  });
  t.match(await post(Buffer.from('RIFF'), 'audio/wav'), { status: 400, message: /^the body must be a form/ });
  t.match(await post('--x--', 'multipart/form-data'), { status: 400, message: /^the body is no form/ });
  t.match(await post('--x\r\nbroken', 'multipart/form-data; boundary=x'), { status: 400 });
  t.match(await refusal(send({ file: undefined })), {
    status: 400,
    param: 'file',
    message: 'file is required',
  });
  t.match(await refusal(send({ file: 'a path' })), {
    status: 400,
    param: 'file',
    message: 'file must be a file',
  });
  t.match(await refusal(fetch(`${url}/v1/audio/transcriptions`, { method: 'POST' })), {
    status: 400,
    message: 'the body is empty, expected a form',
  });
  t.equal(speech.running, 0);
});

t.test('recordings that cannot be read are refused, and the field named', async t => {
  for (const [what, bytes] of [
    ['empty', Buffer.alloc(0)],
    ['a text', Buffer.from('this is no sound at all, whatever its name says'.repeat(10))],
    ['a header', wav(0)],
  ] as const)
    for (const stream of [false, true])
      t.match(
        await refusal(send({ file: new Blob([bytes]), stream })),
        { status: 400, param: 'file', code: 'invalid_request' },
        `${what}, stream: ${stream}`,
      );
});

t.test('limits of bytes and seconds', async t => {
  const small = await startServer(t, {
    registry: new Registry([fakeSpeechModel('whisper', speech)]),
    audioLimit: 100_000,
    maxAudioSeconds: 3,
  });
  const post = (seconds: number) =>
    fetch(`${small.url}/v1/audio/transcriptions`, {
      method: 'POST',
      body: formOf({ file: new Blob([wav(seconds)]) }),
    });
  t.equal((await post(2.9)).status, 200);
  t.match(await refusal(post(3.1)), { status: 413, code: 'body_too_large', message: /seconds/ });
  t.match(await refusal(post(10)), { status: 413, code: 'body_too_large', message: /--audio-limit/ });
  t.equal((await send({ file: new Blob([wav(150)]) })).status, 200, 'more than other bodies may have');
});

t.test('memory of recordings under way: others are refused until it is free', async t => {
  // Of each second, 32,000 bytes.
  const server = await startServer(t, {
    registry: new Registry([fakeSpeechModel('whisper', speech)]),
    maxAudioSeconds: 10,
    audioMemory: 600_000,
  });
  const post = (signal?: AbortSignal) =>
    fetch(`${server.url}/v1/audio/transcriptions`, {
      method: 'POST',
      body: formOf({ file: new Blob([wav(9)]) }),
      ...(signal && { signal }),
    });
  speech.script = async function* (sound, request, signal) {
    for await (const _ of sound);
    yield* untilAborted(sound, request, signal);
  };
  const controller = new AbortController();
  const first = post(controller.signal);
  await eventually(() => speech.running === 1);
  await new Promise(resolve => setTimeout(resolve, 300));
  const refused = await post();
  t.equal(refused.status, 503);
  t.ok(refused.headers.get('retry-after'));
  controller.abort();
  await t.rejects(first);
  await eventually(() => speech.running === 0);
  speech.reset();
  await eventually(async () => (await post()).status === 200);
});

t.test('a client that leaves ends the transcription', async t => {
  speech.script = untilAborted;
  for (const stream of [false, true]) {
    const controller = new AbortController();
    const pending = send({ stream }, 'transcriptions', { signal: controller.signal }).then(answer =>
      answer.text(),
    );
    await eventually(() => speech.running === 1);
    controller.abort();
    await t.rejects(pending);
    await eventually(() => speech.running === 0);
  }
});

t.test('a client that leaves in the middle of its upload leaves nothing behind', async t => {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    `POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: 9999\r\n\r\n--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nRIFF`,
  );
  log = '';
  socket.destroySoon();
  await eventually(() => log.includes('"msg":"request"'));
  t.match(log, /"status":499/);
  t.equal(speech.requests.length, 0);
});

t.test('time that is over', async t => {
  speech.script = untilAborted;
  t.match(await refusal(send({}, 'transcriptions', { headers: { 'x-request-timeout': '0.2' } })), {
    status: 504,
    code: 'deadline_exceeded',
  });
  await eventually(() => speech.running === 0);
});

t.test('what fails before the first event has its status, and later is an event', async t => {
  speech.script = () => {
    throw new KvasirError('queue_full', 'too many');
  };
  t.match(await refusal(send({ stream: true })), { status: 429 });
  speech.script = async function* () {
    yield { type: 'segment', segment: segment(0, [0, 1], ' And') };
    throw new KvasirError('runtime_failure', 'secret');
  };
  t.match(await refusal(send({})), { status: 500, code: 'runtime_failure' });
  const events = eventData(await (await send({ stream: true })).text());
  t.match(JSON.parse(events[1]!), { error: { code: 'runtime_failure' } });
  t.equal(events.at(-1), '[DONE]');
});

t.test('keys and limits of rates hold as for all other endpoints', async t => {
  const server = await startServer(t, {
    registry: new Registry([fakeSpeechModel('whisper', speech)]),
    apiKeys: new ApiKeys(['secret']),
    rateLimit: 2,
  });
  const post = (headers: Record<string, string>) =>
    fetch(`${server.url}/v1/audio/transcriptions`, { method: 'POST', body: formOf({ file }), headers });
  t.equal((await post({})).status, 401);
  const authorization = 'Bearer secret';
  t.equal((await post({ authorization })).status, 200);
  t.equal(speech.requests.at(-1)!.reuseScope !== '', true, 'clients with different keys share no prompts');
  t.equal((await post({ authorization })).status, 200);
  t.equal((await post({ authorization })).status, 429);
});

t.test('pages of other origins send forms only where they are named', async t => {
  const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://page.example' };
  t.match(await refusal(send({}, 'transcriptions', { headers })), { status: 400, message: /another origin/ });
  const open = await startServer(t, {
    registry: new Registry([fakeSpeechModel('whisper', speech)]),
    corsOrigins: ['https://page.example'],
  });
  const body = formOf({ file });
  const answer = await fetch(`${open.url}/v1/audio/transcriptions`, { method: 'POST', body, headers });
  t.equal(answer.status, 200);
});

t.test('metrics and logs tell how long a recording was, and nothing of what is said', async t => {
  log = '';
  const { text } = (await (await send({ prompt: 'secret names' })).json()) as { text: string };
  await eventually(() => log.includes('"msg":"request"'));
  t.match(log, /"audio_seconds":2[,}]/);
  t.notMatch(log, text);
  t.notMatch(log, 'secret names');
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const [, seconds] = /kvasir_audio_seconds_total\{model_name="whisper"\} (\S+)/.exec(metrics) ?? [];
  t.ok(Number(seconds) >= 2, metrics);
  t.match(metrics, /kvasir_audio_real_time_factor_count\{model_name="whisper"\} \d+/);
});

t.test('whatever a form holds, nothing fails', async () => {
  const name = fc.oneof(
    fc.constantFrom(...transcriptionPeerFields.map(({ name }) => name)),
    fc.stringMatching(/^[\w[\]]{1,12}$/),
  );
  const value = fc.oneof(
    fc.constantFrom(
      'true',
      '1',
      '-1',
      '0.5',
      '1e999',
      'auto',
      'word',
      'logprobs',
      '{}',
      '[[[',
      '',
      'verbose_json',
    ),
    fc.string(),
  );
  const wholeFile = fc.constant(file);
  const anyFile = fc.uint8Array({ maxLength: 200 }).map(bytes => new Blob([Buffer.from(bytes)]));
  const fields = fc.array(fc.tuple(name, value), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fields, fc.oneof(wholeFile, anyFile), async (fields, recording) => {
      const body = new FormData();
      for (const [name, value] of fields) body.append(name, value);
      body.append('file', recording, 'talk.wav');
      const answer = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body });
      await answer.text();
      return answer.status < 500;
    }),
    { numRuns: 60 },
  );
});

t.test('the document says that the file is binary', async t => {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, { post: { requestBody: { content: object } } }>;
    components: { schemas: Record<string, { properties: Record<string, object> }> };
  };
  for (const [path, name] of [
    ['transcriptions', 'TranscriptionRequest'],
    ['translations', 'SpeechTranslationRequest'],
  ] as const) {
    const { content } = document.paths[`/v1/audio/${path}`]!.post.requestBody;
    t.strictSame(Object.keys(content), ['multipart/form-data']);
    t.match(content, {
      'multipart/form-data': { schema: { $ref: `#/components/schemas/${name}` } },
    });
    t.match(document.components.schemas[name]!.properties.file, { type: 'string', format: 'binary' });
  }
});
