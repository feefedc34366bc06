import fc from 'fast-check';
import t from 'tap';
import type { KvasirError } from '#errors.js';
import { speechModel } from '#speech/model.js';
import { WhisperService } from '#speech/speech-service.js';
import { TimestampRules } from '#speech/timestamp-rules.js';
import type { SpeechSegment, TranscriptionEvent, TranscriptionRequest } from '#speech/types.js';
import { runs } from '#test/support/property-runs.js';
import { seededRandom } from '#test/support/seeded-random.js';
import {
  alignEvenly,
  FakeFeatures,
  ScriptedListener,
  type WindowScript,
} from '#test/support/scripted-listener.js';
import { whisperTokenizer } from '#test/support/whisper-tokenizer.js';

const tokenizer = whisperTokenizer();
const SETTINGS = { multilingual: true, suppressedTokens: [] };
const END = tokenizer.id('<|endoftext|>')!;
const id = (name: string): number => tokenizer.id(`<|${name}|>`)!;
/** The token of a time in seconds. */
const at = (seconds: number): number => id('0.00') + Math.round(seconds * 50);
const say = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false });

interface Heard {
  readonly listener: ScriptedListener;
  readonly events: TranscriptionEvent[];
  readonly segments: SpeechSegment[];
}

function listen(script: WindowScript): ScriptedListener {
  return new ScriptedListener(script, END);
}

function serviceOf(listener: ScriptedListener): WhisperService {
  return new WhisperService(speechModel(listener, new FakeFeatures(), tokenizer, SETTINGS));
}

async function* silence(seconds: number, block = 16_000): AsyncGenerator<Float32Array> {
  for (let left = Math.round(seconds * 16_000); left > 0; left -= block)
    yield new Float32Array(Math.min(block, left));
}

/** Pure tones of one second each, so loud. */
async function* loudness(...levels: number[]): AsyncGenerator<Float32Array> {
  for (const level of levels) yield new Float32Array(16_000).fill(level);
}

async function hear(
  listener: ScriptedListener,
  sound: AsyncIterable<Float32Array>,
  request: Partial<TranscriptionRequest> = {},
): Promise<Heard> {
  const events: TranscriptionEvent[] = [];
  const all = serviceOf(listener).transcribe(sound, { task: 'transcribe', language: 'en', ...request });
  for await (const event of all) events.push(event);
  const segments = events.flatMap(event => (event.type === 'segment' ? [event.segment] : []));
  return { listener, events, segments };
}

t.test('windows begin where the segments before them end, and go on from their text', async t => {
  const first = [at(0), ...say(' One.'), at(2), at(2), ...say(' Two.'), at(20), at(20)];
  const { listener, events, segments } = await hear(
    listen(({ seek }) => ({
      ids: seek === 0 ? [...first, ...say(' half')] : [at(0), ...say(' Three.'), at(5)],
    })),
    silence(40),
  );
  t.strictSame(events[0], { type: 'language', language: 'en', probability: 1 });
  t.match(segments, [
    { id: 0, seek: 0, start: 0, end: 2, text: ' One.', temperature: 0 },
    { id: 1, seek: 0, start: 2, end: 20, text: ' Two.' },
    { id: 2, seek: 2000, start: 20, end: 25, text: ' Three.' },
  ]);
  t.strictSame(segments[0]!.tokens, [at(0), ...say(' One.'), at(2)]);
  t.match(events.at(-1), { type: 'done', duration: 40 });
  const start = [id('startoftranscript'), id('en'), id('transcribe')];
  t.strictSame(
    listener.requests.map(({ promptIds }) => promptIds),
    [start, [id('startofprev'), ...first.slice(0, -1), ...start]],
  );
  t.strictSame(listener.requests[1]!.sound!.features, Float32Array.of(2000, 2000));
  t.match(listener.requests[1], { watch: { position: first.length, ids: [id('nospeech')] }, scored: true });
});

t.test('the language is that of the first window, unless it is named', async t => {
  const script: WindowScript = () => ({ ids: [at(0), ...say(' Ja.'), at(1)] });
  const listener = listen(script);
  listener.languages = [0.1, 0.3, 0.1];
  const { events } = await hear(listener, silence(5), { language: undefined, task: 'translate' });
  t.match(events[0], { type: 'language', language: 'de' });
  t.ok(Math.abs((events[0] as { probability: number }).probability - 0.6) < 1e-6);
  t.strictSame(listener.requests[0]!.promptIds, [id('startoftranscript')]);
  t.strictSame(listener.requests[1]!.promptIds, [id('startoftranscript'), id('de'), id('translate')]);
  t.equal(listener.requests[0]!.sound!.key, listener.requests[1]!.sound!.key, 'it is encoded once');
  t.ok(listener.requests[1]!.priority! < 0);
});

t.test('what fails is tried again at higher temperatures', async t => {
  const { listener, segments } = await hear(
    listen(({ request: { sampling, id } }) => {
      const text = (words: string): number[] => [at(0), ...say(words), at(1)];
      switch (sampling.temperature) {
        case 0:
          return { ids: text(' again'.repeat(30)) };
        case 0.2:
          return { ids: text(' unlikely'), avgLogprob: -1.2 };
        default:
          return id.endsWith('-8')
            ? { ids: text(' best'), avgLogprob: -0.2 }
            : { ids: text(' other'), avgLogprob: -0.9 };
      }
    }),
    silence(5),
  );
  t.strictSame(
    listener.requests.map(({ sampling }) => sampling.temperature),
    [0, 0.2, 0.2, 0.2, 0.2, 0.4, 0.4, 0.4, 0.4],
    'as many at once as there are slots',
  );
  t.match(segments, [{ temperature: 0.4, text: ' best' }]);
  t.equal(Math.round(segments[0]!.avgLogprob * 1000), -200);
  t.ok(listener.requests.slice(1).every(({ watch, priority }) => watch === undefined && priority! < 0));
});

t.test('where all fail, the most probable that does not repeat itself is taken', async t => {
  const { listener, segments } = await hear(
    listen(({ seek, request: { sampling } }) => {
      if (seek > 0) return { ids: [at(0), ...say(' end'), at(1)] };
      const { temperature } = sampling;
      return temperature === 0
        ? { ids: [at(0), ...say(' again'.repeat(30)), at(30)] }
        : {
            ids: [at(0), ...say(` at ${temperature}`), at(30)],
            avgLogprob: -1.2 - Math.abs(temperature - 0.4),
          };
    }),
    silence(31),
    { bestOf: 1 },
  );
  t.match(segments, [{ text: ' at 0.4', temperature: 1 }, { text: ' end' }]);
  t.equal(listener.requests.at(-1)!.promptIds.length, 3, 'what is uncertain is not gone on from');
});

t.test('one temperature is the only one where it is asked for', async t => {
  const { listener, segments } = await hear(
    listen(() => ({ ids: [at(0), ...say(' so'), at(1)], avgLogprob: -3 })),
    silence(5),
    { temperature: 0.7, bestOf: 2, seed: 5 },
  );
  t.strictSame(
    listener.requests.map(({ sampling }) => [sampling.temperature, sampling.seed]),
    [
      [0.7, 5n],
      [0.7, 6n],
    ],
  );
  t.match(segments, [{ text: ' so', temperature: 0.7 }]);
});

t.test('nothing is said where both say so', async t => {
  const heard = (avgLogprob: number, noSpeech: number): Promise<Heard> =>
    hear(
      listen(() => ({ ids: [at(0), ...say(' you'), at(1)], avgLogprob, noSpeech })),
      silence(8),
      { bestOf: 1 },
    );
  t.strictSame((await heard(-1.4, 0.7)).segments, []);
  t.equal((await heard(-1.4, 0.7)).listener.requests.length, 1, 'it is not tried again');
  t.match((await heard(-0.5, 0.7)).segments, [{ text: ' you' }]);
  t.match((await heard(-1.4, 0.5)).segments, [{ text: ' you', temperature: 1 }]);
});

t.test('a prompt is what the first text goes on from, as far as there is room', async t => {
  const script: WindowScript = () => ({ ids: [at(0), ...say(' so'), at(1)] });
  const { listener } = await hear(listen(script), silence(5), { prompt: '  Anna, Bob ' });
  t.strictSame(listener.requests[0]!.promptIds.slice(0, -3), [id('startofprev'), ...say(' Anna, Bob')]);
  const long = await hear(listen(script), silence(5), { prompt: 'ab'.repeat(9000) });
  const { promptIds, stop } = long.listener.requests[0]!;
  t.equal(promptIds.length, 1 + 223 + 3);
  t.equal(stop.maxTokens, 221);
});

t.test('beams at temperature 0 alone', async t => {
  const { listener } = await hear(
    listen(() => ({ ids: [at(0), ...say(' so'), at(1)], avgLogprob: -2 })),
    silence(5),
    { beams: 5, bestOf: 1 },
  );
  t.strictSame(
    listener.requests.map(({ beams }) => beams?.width),
    [5, undefined, undefined, undefined, undefined, undefined],
  );
});

t.test('words, and windows that begin behind them', async t => {
  const { listener, segments } = await hear(
    listen(({ seek }) => ({
      ids:
        seek === 0
          ? [at(0), ...say(' ab cd.'), at(10), at(10), ...say(' ef'), at(20), at(20)]
          : [at(0), ...say(' gh'), at(5)],
    })),
    silence(40),
    { words: true },
  );
  t.strictSame(
    segments.map(({ words }) => words!.map(({ word }) => word)),
    [[' ab', ' cd.'], [' ef'], [' gh']],
  );
  for (const { start, end, words } of segments) {
    t.equal(start, words![0]!.start);
    t.equal(end, words!.at(-1)!.end);
    t.ok(words!.every(word => word.start <= word.end && word.probability === 0.5));
  }
  t.strictSame(listener.alignments[0]!.ids, [
    id('startoftranscript'),
    id('en'),
    id('transcribe'),
    id('notimestamps'),
    ...say(' ab cd. ef'),
    END,
  ]);
  t.equal(segments[2]!.seek, Math.round(segments[1]!.end * 100));
});

t.test('log-probabilities of the tokens of each segment', async t => {
  const { segments } = await hear(
    listen(() => ({ ids: [at(0), ...say(' é'), at(1)], avgLogprob: -0.25 })),
    silence(5),
    { logprobs: true },
  );
  t.strictSame(segments[0]!.logprobs, [
    { token: ' ', bytes: Uint8Array.of(0x20), logprob: -0.25 },
    { token: '\ufffd', bytes: Uint8Array.of(0xc3), logprob: -0.25 },
    { token: '\ufffd', bytes: Uint8Array.of(0xa9), logprob: -0.25 },
  ]);
});

t.test('pieces are transcribed side by side, and told in order', async t => {
  const levels = Array.from({ length: 100 }, (_, second) => (second % 20 === 19 ? 0.001 : 0.5));
  const { listener, segments, events } = await hear(
    listen(async ({ seek, length }) => {
      await new Promise(resolve => setTimeout(resolve, seek === 0 ? 20 : 1));
      return { ids: [at(0), ...say(` ${seek}`), at(Math.min(30, length / 100 + 1))] };
    }),
    loudness(...levels),
    { chunking: {} },
  );
  t.equal(listener.busiest, 4);
  t.strictSame(
    segments.map(({ id }) => id),
    [...segments.keys()],
  );
  t.equal(segments[0]!.start, 0);
  segments.forEach(({ start, end, text }, index) => {
    t.equal(text, ` ${Math.round(start * 100)}`);
    if (index > 0) t.equal(start, segments[index - 1]!.end);
    if (index + 1 < segments.length) t.equal(Math.floor(end) % 20, 19, 'cut in a quiet second');
  });
  t.equal(segments.at(-1)!.end, 100);
  t.match(events.at(-1), { type: 'done', duration: 100 });
});

t.test('perfect silence has no pieces, and a recording without a frame no windows', async t => {
  const script: WindowScript = () => ({ ids: [at(0), ...say(' you'), at(1)] });
  t.strictSame((await hear(listen(script), silence(70), { chunking: {} })).listener.requests, []);
  const { events } = await hear(listen(script), silence(0.005), { language: undefined });
  t.strictSame(
    events.map(({ type }) => type),
    ['language', 'done'],
  );
});

t.test('what the model does not know is refused at once', async t => {
  const listener = listen(() => ({ ids: [] }));
  const service = serviceOf(listener);
  t.throws(() => service.transcribe(silence(1), { task: 'transcribe', language: 'xx' }), {
    code: 'invalid_request',
    param: 'language',
  });
  const english = new WhisperService(
    speechModel(listener, new FakeFeatures(), tokenizer, { ...SETTINGS, multilingual: false }),
  );
  t.strictSame([english.languages, english.translates], [['en'], false]);
  t.throws(() => english.transcribe(silence(1), { task: 'translate' }), {
    code: 'invalid_request',
    param: 'task',
  });
  t.throws(() => english.transcribe(silence(1), { task: 'transcribe', language: 'de' }), {
    code: 'invalid_request',
    param: 'language',
  });
});

t.test('a full waiting line refuses a transcription, but not its later windows', async t => {
  const listener = listen(({ seek }) => {
    if (seek === 0) listener.refusals = 2;
    return { ids: [at(0), ...say(' so'), at(30)] };
  });
  t.equal((await hear(listener, silence(40))).segments.length, 2);
  listener.refusals = 1;
  await t.rejects(hear(listener, silence(40)), { code: 'queue_full' });
});

t.test('aborting ends everything, whatever is waited for', async t => {
  const endless: WindowScript = () => new Promise(() => undefined);
  const until = async (ready: () => boolean): Promise<void> => {
    while (!ready()) await new Promise(resolve => setTimeout(resolve, 1));
  };
  const listener = listen(endless);
  const abort = new AbortController();
  const transcribe = async (sound: AsyncIterable<Float32Array>): Promise<void> => {
    const request = { task: 'transcribe', language: 'en' } as const;
    for await (const event of serviceOf(listener).transcribe(sound, request, abort.signal)) t.ok(event);
  };
  const decoding = transcribe(silence(5));
  await until(() => listener.running === 1);
  let isReading = false;
  const reading = transcribe({
    [Symbol.asyncIterator]: () => ({
      next: () => {
        isReading = true;
        return new Promise(() => undefined);
      },
    }),
  });
  await until(() => isReading);
  abort.abort();
  await t.rejects(decoding, { code: 'cancelled' });
  await t.rejects(reading, { code: 'cancelled' });
  await t.rejects(transcribe(silence(1)), { code: 'cancelled' });
});

t.test('what the sound throws ends the transcription', async t => {
  const broken = async function* (): AsyncGenerator<Float32Array> {
    yield* silence(1);
    throw new Error('broken file');
  };
  await t.rejects(
    hear(
      listen(() => ({ ids: [] })),
      broken(),
    ),
    { message: 'broken file' },
  );
});

t.test('whoever leaves the loop ends what is under way', async t => {
  const listener = listen(({ seek }) =>
    seek === 0 ? { ids: [at(0), ...say(' so'), at(30)] } : new Promise(() => undefined),
  );
  const request = { task: 'transcribe', language: 'en', chunking: {} } as const;
  for await (const { type } of serviceOf(listener).transcribe(
    loudness(...new Array<number>(50).fill(0.5)),
    request,
  ))
    if (type === 'segment') break;
  t.equal(listener.requests.length, 2);
  t.strictSame(listener.cancelled, [listener.requests[1]!.id]);
});

/** Whatever a model might write under the rules. */
function anyText(random: () => number, maxLength: number): number[] {
  const rules = new TimestampRules({
    end: END,
    noTimestamps: id('notimestamps'),
    timestampBegin: at(0),
    suppressed: [],
    maxInitialTimestamp: 50,
  });
  const ids: number[] = [];
  for (const length = Math.floor(random() * maxLength); ids.length < length;) {
    const logits = new Float32Array(tokenizer.vocabularySize).fill(-30);
    for (let choice = 0; choice < 6; choice++)
      logits[[Math.floor(random() * 256), at(random() * 30), END][Math.floor(random() * 2.2)]!] = random();
    rules.mask(logits);
    const best = logits.indexOf(Math.max(...logits));
    if (best === END) break;
    rules.accept(best);
    ids.push(best);
  }
  return ids;
}

t.test('whatever a model writes, all sound is heard, in order, and segments are told in order', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.integer({ min: 1, max: 9000 }),
      fc.boolean(),
      fc.integer({ min: 100, max: 50_000 }),
      async (seed, frames, words, block) => {
        const random = seededRandom(seed);
        const windows: { seek: number; length: number }[] = [];
        const listener = new ScriptedListener(
          ({ seek, length }) => {
            windows.push({ seek, length });
            return { ids: anyText(random, 30), noSpeech: random(), avgLogprob: -1.3 * random() };
          },
          END,
          request => {
            const alignment = alignEvenly(request);
            return { ...alignment, weights: alignment.weights.map(weight => weight * random()) };
          },
        );
        const { segments, events } = await hear(listener, silence(frames / 100, block), {
          words,
          temperature: 0.1,
          bestOf: 1,
        });
        let heard = 0;
        let last = -1;
        for (const { seek, length } of windows) {
          t.ok(seek > last, 'each window begins behind the one before');
          t.ok(seek <= heard, 'nothing is left out');
          last = seek;
          heard = seek + length;
        }
        t.equal(heard, frames);
        for (const [index, { start, end, text, seek }] of segments.entries()) {
          t.ok(start >= seek / 100 - 1e-6 && end > start && text.trim() !== '');
          // Words that seem too long are shortened without regard to the segment before.
          if (!words) t.ok(start >= (segments[index - 1]?.end ?? 0));
        }
        t.match(events.at(-1), { type: 'done' });
      },
    ),
    runs(25),
  );
});

t.test('an error of the engine is that of the transcription', async t => {
  const failing = listen(() => Promise.reject(Object.assign(new Error('no'), { code: 'runtime_failure' })));
  await hear(failing, silence(5)).then(
    () => t.fail('it should fail'),
    (error: KvasirError) => t.equal(error.code, 'runtime_failure'),
  );
});
