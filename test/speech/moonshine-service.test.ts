import t from 'tap';
import { MoonshineService, type MoonshineModel } from '#speech/moonshine-service.js';
import { TokenText } from '#speech/token-text.js';
import type { VoiceDetector } from '#model/speech/voice-detector.js';
import type { SpeechSegment, TranscriptionEvent, TranscriptionRequest } from '#speech/types.js';
import { FakeFeatures, ScriptedListener, type WindowScript } from '#test/support/scripted-listener.js';
import { byteFallbackTokenizer } from '#test/support/tiny-tokenizers.js';

const tokenizer = byteFallbackTokenizer();
const START = 1;
const END = 2;
const say = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false });

const MODEL: Omit<MoonshineModel, 'engine'> = {
  features: new FakeFeatures(),
  shortest: 1,
  text: new TokenText(tokenizer, id => !tokenizer.specialIds.has(id)),
  start: [START],
  ends: new Set([END]),
  minTokens: 0,
  sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 },
  beams: { width: 1, lengthPenalty: 1, earlyStopping: false },
};

/** Tones of one second each, so loud. */
async function* loudness(...levels: number[]): AsyncGenerator<Float32Array> {
  for (const level of levels) yield new Float32Array(16_000).fill(level);
}

const tones = (seconds: number, quiet: readonly number[] = []): AsyncGenerator<Float32Array> =>
  loudness(...Array.from({ length: seconds }, (_, i) => (quiet.includes(i) ? 0.001 : 0.5)));

async function hear(
  listener: ScriptedListener,
  sound: AsyncIterable<Float32Array>,
  request: Partial<TranscriptionRequest> = {},
  { detector, ...changes }: Partial<MoonshineModel> & { readonly detector?: VoiceDetector } = {},
): Promise<{ events: TranscriptionEvent[]; segments: SpeechSegment[] }> {
  const service = new MoonshineService({ ...MODEL, engine: listener, ...changes }, detector);
  const events: TranscriptionEvent[] = [];
  for await (const event of service.transcribe(sound, { task: 'transcribe', ...request })) events.push(event);
  return { events, segments: events.flatMap(event => (event.type === 'segment' ? [event.segment] : [])) };
}

const listen = (script: WindowScript): ScriptedListener => new ScriptedListener(script, END);
const places = ({ requests }: ScriptedListener): number[][] =>
  requests.map(({ sound }) => [...sound!.features]);

t.test('half a minute is heard at once', async t => {
  const listener = listen(() => ({ ids: say('ab') }));
  const { events, segments } = await hear(listener, tones(30, [12]), { logprobs: true });
  t.strictSame(places(listener), [[0, 3000]]);
  t.match(segments, [{ id: 0, start: 0, end: 30, text: ' ab', tokens: say('ab'), temperature: 0 }]);
  t.match(
    segments[0]!.logprobs?.map(({ logprob }) => logprob),
    say('ab').map(() => -0.1),
  );
  t.equal(segments[0]!.logprobs?.map(({ token }) => token).join(''), ' ab');
  t.strictSame(events.at(-1), { type: 'done', duration: 30, tokens: say('ab').length });
  t.match(listener.requests[0], {
    promptIds: [START],
    sampling: { temperature: 0 },
    stop: { maxTokens: 1, stopTokenIds: new Set([END]) },
    scored: true,
    beams: undefined,
  });
});

t.test('what is longer is cut where it is quiet, and its pieces are heard side by side', async t => {
  const listener = listen(async ({ seek }) => {
    // The first one is the last to be done.
    await new Promise(resolve => setTimeout(resolve, seek === 0 ? 20 : 0));
    return { ids: say(seek === 0 ? 'a' : seek < 3000 ? 'b' : 'c') };
  });
  const { segments } = await hear(listener, tones(70, [20, 45]));
  const cuts = places(listener).map(([seek]) => seek!);
  t.equal(listener.busiest, listener.requests.length);
  t.ok(
    [2000, 4500].every(quiet => cuts.some(cut => cut >= quiet && cut <= quiet + 100)),
    cuts.join(),
  );
  t.ok(places(listener).every(([, length]) => length! <= 3000));
  t.equal(segments[0]!.text, ' a', 'in their order');
  t.strictSame(
    segments.map(({ id }) => id),
    segments.map((_, i) => i),
  );
});

t.test('perfect silence, and what is too short, says nothing', async t => {
  const listener = listen(() => ({ ids: say('a') }));
  const silent = await hear(listener, loudness(0, 0));
  t.strictSame(silent.events, [{ type: 'done', duration: 2, tokens: 0 }]);
  const short = await hear(listener, tones(1), {}, { shortest: 3 });
  t.strictSame(short.events, [{ type: 'done', duration: 1, tokens: 0 }]);
  const nothing = await hear(listener, loudness());
  t.strictSame(nothing.events, [{ type: 'done', duration: 0, tokens: 0 }]);
  t.equal(listener.requests.length, 0);
});

t.test('a detector cuts what is longer, and what it is asked for', async t => {
  /** Somebody speaks in the last of each three seconds. */
  const detector: VoiceDetector = {
    step: 1600,
    open: () => {
      let samples = 0;
      return {
        append: async block => void (samples += block.length),
        end: async () => Float32Array.from({ length: samples / 1600 }, (_, i) => (i % 30 >= 20 ? 0.9 : 0)),
      };
    },
    dispose: () => undefined,
  };
  const heard = async (seconds: number, request: Partial<TranscriptionRequest>): Promise<number[][]> => {
    const listener = listen(() => ({ ids: say('a') }));
    await hear(listener, tones(seconds), request, { detector });
    return places(listener);
  };
  t.strictSame(await heard(30, {}), [[0, 3000]], 'all of what is short');
  const asked = await heard(30, { chunking: { padding: 0 } });
  t.strictSame(asked, [[200, 2800]], 'without what comes before the first word');
  const long = await heard(60, {});
  t.ok(long.length > 1 && long[0]![0]! > 0, `${JSON.stringify(long)}`);
});

t.test('above temperature 0 the most probable of several texts is taken', async t => {
  const listener = listen(({ request: { sampling } }) =>
    sampling.seed === 9n ? { ids: say('b'), avgLogprob: -0.05 } : { ids: say('a'), avgLogprob: -0.5 },
  );
  const { segments } = await hear(listener, tones(2), { temperature: 0.5, bestOf: 3, seed: 7, beams: 4 });
  t.strictSame(
    listener.requests.map(({ sampling, beams }) => [sampling.temperature, sampling.seed, beams]),
    [7n, 8n, 9n].map(seed => [0.5, seed, undefined]),
  );
  t.match(segments, [{ text: ' b', temperature: 0.5 }]);
});

t.test('beams, as the request or the folder has them', async t => {
  const beamsOf = async (request: Partial<TranscriptionRequest>): Promise<unknown> => {
    const listener = listen(() => ({ ids: say('a') }));
    const beams = { width: 2, lengthPenalty: 0.5, earlyStopping: true };
    await hear(listener, tones(2), request, { beams });
    return listener.requests[0]!.beams;
  };
  t.strictSame(await beamsOf({}), { width: 2, lengthPenalty: 0.5, earlyStopping: true, results: 2 });
  t.match(await beamsOf({ beams: 3 }), { width: 3, results: 3 });
  t.equal(await beamsOf({ beams: 1 }), undefined);
});

t.test('whoever stops listening ends what is under way', async t => {
  const listener = listen(() => new Promise(() => undefined));
  const controller = new AbortController();
  const service = new MoonshineService({ ...MODEL, engine: listener });
  const events = service.transcribe(tones(2), { task: 'transcribe' }, controller.signal);
  const next = events.next();
  while (listener.running === 0) await new Promise(setImmediate);
  controller.abort();
  await t.rejects(next, { code: 'cancelled' });
  t.equal(listener.cancelled.length, 1);
});
