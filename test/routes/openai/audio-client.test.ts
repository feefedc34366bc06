import OpenAI, { toFile } from 'openai';
import t from 'tap';
import { Registry } from '#registry/registry.js';
import { FakeSpeech, fakeSpeechModel } from '#test/support/fake-speech.js';
import { startServer } from '#test/support/http-server.js';
import { wav } from '#test/support/wav.js';

const speech = new FakeSpeech();
const { url } = await startServer(t, { registry: new Registry([fakeSpeechModel('whisper', speech)]) });
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
const model = 'whisper';
const recording = () => toFile(wav(2), 'talk.wav');
const TEXT = 'And so, my fellow Americans.';

t.test('all formats', async t => {
  const file = await recording();
  const { text, usage } = await client.audio.transcriptions.create({ model, file });
  t.strictSame({ text, usage }, { text: TEXT, usage: { type: 'duration', seconds: 2 } });
  for (const response_format of ['text', 'srt', 'vtt'] as const)
    t.match(await client.audio.transcriptions.create({ model, file, response_format }), /my fellow/);
  const verbose = await client.audio.transcriptions.create({
    model,
    file,
    response_format: 'verbose_json',
    timestamp_granularities: ['word', 'segment'],
    language: 'en',
    prompt: 'Kennedy',
    temperature: 0.5,
  });
  t.match(verbose, { language: 'english', duration: 2, segments: [{}, {}], words: [{ word: 'And' }] });
  t.match(speech.requests.at(-1), { language: 'en', prompt: 'Kennedy', temperature: 0.5, words: true });
  const { logprobs } = await client.audio.transcriptions.create({ model, file, include: ['logprobs'] });
  t.match(logprobs?.[0], { token: ' And' });
});

t.test('voice activity', async t => {
  const file = await recording();
  await client.audio.transcriptions.create({ model, file, chunking_strategy: 'auto' });
  t.strictSame(speech.requests.at(-1)!.chunking, {});
  await client.audio.transcriptions.create({
    model,
    file,
    chunking_strategy: { type: 'server_vad', threshold: 0.25, silence_duration_ms: 500 },
  });
  t.match(speech.requests.at(-1)!.chunking, { threshold: 0.25, silence: 0.5 });
});

t.test('streams', async t => {
  const stream = await client.audio.transcriptions.create({ model, file: await recording(), stream: true });
  let text = '';
  let done = '';
  for await (const event of stream) {
    if (event.type === 'transcript.text.delta') text += event.delta;
    if (event.type === 'transcript.text.done') done = event.text;
  }
  t.strictSame([text, done], [TEXT, TEXT]);
});

t.test('translations', async t => {
  const { text } = await client.audio.translations.create({ model, file: await recording() });
  t.equal(text, TEXT);
  t.equal(speech.requests.at(-1)!.task, 'translate');
});

t.test('errors', async t => {
  const failure = (file: File, name = model): Promise<unknown> =>
    client.audio.transcriptions.create({ model: name, file }).catch((error: unknown) => error);
  t.match(await failure(await recording(), 'nobody'), { status: 404, param: 'model' });
  t.match(await failure(await toFile(Buffer.from('text'), 'talk.wav')), { status: 400, param: 'file' });
});
