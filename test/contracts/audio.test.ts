import t from 'tap';
import { transcriptionPeerFields } from '#routes/openai/audio-transcriptions/peer-fields.js';
import { translationPeerFields } from '#routes/openai/audio-translations/peer-fields.js';
import { Registry } from '#registry/registry.js';
import { FakeSpeech, fakeSpeechModel } from '#test/support/fake-speech.js';
import { startServer } from '#test/support/http-server.js';
import { wav } from '#test/support/wav.js';
import { checkContract, type Answer, type FieldCase } from './contract.js';

const speech = new FakeSpeech();
const { url } = await startServer(t, { registry: new Registry([fakeSpeechModel('whisper', speech)]) });

const file = new Blob([wav(0.5)]);
const last = () => speech.requests.at(-1)!;
const parsed = <T>({ text }: Answer): T => JSON.parse(text) as T;

/** Of both endpoints. */
const SHARED: Readonly<Record<string, FieldCase>> = {
  file: async (ask, t) => {
    t.equal((await ask({})).status, 200);
    for (const value of [undefined, 'text', null, new Blob([]), new Blob(['no sound'])]) {
      const answer = await ask({ file: value });
      t.equal(answer.status, 400, answer.text);
      t.match(parsed(answer), { error: { param: 'file' } });
    }
  },
  model: async (ask, t) => {
    t.equal((await ask({ model: 'whisper' })).status, 200);
    t.equal((await ask({ model: null })).status, 200);
    t.equal((await ask({ model: 'whisper-1' })).status, 404);
  },
  prompt: async (ask, t) => {
    await ask({ prompt: 'Kvasir, Óðinn' });
    t.equal(last().prompt, 'Kvasir, Óðinn');
    t.equal((await ask({ prompt: 'x'.repeat(16_385) })).status, 400);
  },
  response_format: async (ask, t) => {
    for (const format of ['text', 'srt', 'vtt']) {
      const { type, status } = await ask({ response_format: format });
      t.strictSame({ type, status }, { type: 'text/plain; charset=utf-8', status: 200 }, format);
    }
    for (const format of ['json', 'verbose_json', null])
      t.match((await ask({ response_format: format })).type, /^application\/json/);
    const refused = await ask({ response_format: 'diarized_json' });
    t.equal(refused.status, 400);
    t.match(parsed(refused), { error: { param: 'response_format' } });
  },
  temperature: async (ask, t) => {
    await ask({ temperature: 0.25 });
    t.equal(last().temperature, 0.25);
    await ask({});
    t.equal(last().temperature, undefined);
    for (const temperature of [-0.1, 1.1, 'hot']) t.equal((await ask({ temperature })).status, 400);
  },
  beam_size: async (ask, t) => {
    await ask({ beam_size: 5 });
    t.equal(last().beams, 5);
    for (const size of [0, 17, 1.5, 'x']) t.equal((await ask({ beam_size: size })).status, 400);
  },
  best_of: async (ask, t) => {
    await ask({ best_of: 3 });
    t.equal(last().bestOf, 3);
    for (const count of [0, 17, 'x']) t.equal((await ask({ best_of: count })).status, 400);
  },
  seed: async (ask, t) => {
    await ask({ seed: 7 });
    t.equal(last().seed, 7);
    for (const seed of [0.5, 'x']) t.equal((await ask({ seed })).status, 400);
  },
  language: async (ask, t) => {
    for (const language of ['de', 'German', 'de-AT', ' DE ']) {
      t.equal((await ask({ language })).status, 200, language);
      t.equal(last().language, 'de', language);
    }
    for (const language of ['sw', 'Klingon']) {
      const answer = await ask({ language });
      t.match(parsed(answer), { error: { param: 'language', message: /it knows en, de, fr/ } });
    }
    await ask({ language: null });
    t.equal(last().language, undefined);
  },
  stream: async (ask, t) => {
    const { type, text } = await ask({ stream: true });
    t.match(type, /^text\/event-stream/);
    t.match(text, /"type":"transcript.text.done"/);
    t.match((await ask({ stream: false })).type, /^application\/json/);
    t.equal((await ask({ stream: 'maybe' })).status, 400);
  },
};

/** Milliseconds of voice activity become seconds. */
const milliseconds =
  (name: string, field: 'silence' | 'padding'): FieldCase =>
  async (ask, t) => {
    await ask({ chunking_strategy: { type: 'server_vad', [name]: 250 } });
    t.equal(last().chunking?.[field], 0.25);
    t.equal((await ask({ chunking_strategy: { type: 'server_vad', [name]: -1 } })).status, 400);
  };

checkContract(t, url, {
  path: '/v1/audio/translations',
  plain: { file },
  isForm: true,
  fields: translationPeerFields,
  cases: SHARED,
});

checkContract(t, url, {
  path: '/v1/audio/transcriptions',
  plain: { file },
  isForm: true,
  fields: transcriptionPeerFields,
  cases: {
    ...SHARED,
    timestamp_granularities: async (ask, t) => {
      const granular = (granularities: unknown, format = 'verbose_json') =>
        ask({ response_format: format, timestamp_granularities: granularities });
      const both = parsed<object>(await granular(['word', 'segment']));
      t.match(both, { segments: [{}, {}], words: [{ word: 'And' }] });
      t.notOk('segments' in parsed<object>(await granular(['word'])));
      t.notOk('words' in parsed<object>(await granular(['segment'])));
      t.equal(last().words, false);
      for (const answer of [await granular(['word'], 'json'), await granular(['letter'])]) {
        t.equal(answer.status, 400);
        t.match(parsed(answer), { error: { param: /^timestamp_granularities/ } });
      }
    },
    include: async (ask, t) => {
      const { logprobs } = parsed<{ logprobs: object[] }>(await ask({ include: ['logprobs'] }));
      t.match(logprobs[0], { token: ' And', bytes: [32, 65, 110, 100], logprob: -0.5 });
      t.notOk('logprobs' in parsed<object>(await ask({})));
      for (const answer of [
        await ask({ include: ['logprobs'], response_format: 'verbose_json' }),
        await ask({ include: ['everything'] }),
      ])
        t.match(parsed(answer), { error: { param: /^include/ } });
    },
    chunking_strategy: async (ask, t) => {
      await ask({ chunking_strategy: 'auto' });
      t.strictSame(last().chunking, {});
      await ask({ chunking_strategy: '{"type": "server_vad", "threshold": 0.25}' });
      t.equal(last().chunking?.threshold, 0.25, 'as JSON');
      await ask({});
      t.equal(last().chunking, undefined);
      t.equal((await ask({ chunking_strategy: 'never' })).status, 400);
    },
    'chunking_strategy.type': async (ask, t) => {
      t.equal((await ask({ chunking_strategy: { type: 'server_vad' } })).status, 200);
      t.equal((await ask({ chunking_strategy: { type: 'client_vad' } })).status, 400);
      t.equal((await ask({ chunking_strategy: { threshold: 0.5 } })).status, 400);
    },
    'chunking_strategy.threshold': async (ask, t) => {
      await ask({ chunking_strategy: { type: 'server_vad', threshold: 0.75 } });
      t.equal(last().chunking?.threshold, 0.75);
      t.equal((await ask({ chunking_strategy: { type: 'server_vad', threshold: 2 } })).status, 400);
    },
    'chunking_strategy.silence_duration_ms': milliseconds('silence_duration_ms', 'silence'),
    'chunking_strategy.prefix_padding_ms': milliseconds('prefix_padding_ms', 'padding'),
  },
});
