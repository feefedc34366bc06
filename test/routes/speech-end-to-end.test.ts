import t from 'tap';
import { loadModel } from '#registry/load.js';
import { Registry } from '#registry/registry.js';
import { Environment } from '#runtime/index.js';
import { formOf, type FormValues } from '#test/support/audio-form.js';
import { eventData, eventually, startServer } from '#test/support/http-server.js';
import { randomWhisper } from '#test/support/random-whisper.js';
import { wav } from '#test/support/wav.js';

const folder = await randomWhisper(t);
const environment = new Environment({ logLevel: 'fatal' });
const model = await loadModel(environment, folder, {
  id: 'whisper',
  slots: 4,
  session: { intraOpThreads: 1 },
});
const { url } = await startServer(t, { registry: new Registry([model]) });

/** Above 0 a window is written once, whatever becomes of it. */
const SURE = { temperature: 0.5, best_of: 1, seed: 1, language: 'en' };

const ask = (fields: FormValues, init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}/v1/audio/transcriptions`, {
    method: 'POST',
    body: formOf({ file: new Blob([wav(4)]), ...SURE, ...fields }),
    ...init,
  });

interface Verbose {
  readonly text: string;
  readonly duration: number;
  readonly segments: readonly { readonly start: number; readonly end: number; readonly tokens: number[] }[];
}

t.test('a recording becomes a text, the same each time', async t => {
  const verbose = async (): Promise<Verbose> =>
    (await (await ask({ response_format: 'verbose_json' })).json()) as Verbose;
  const first = await verbose();
  t.equal(first.duration, 4);
  for (const { start, end, tokens } of first.segments) {
    t.ok(start >= 0 && end >= start);
    t.ok(tokens.length > 0);
  }
  t.strictSame(await verbose(), first);
});

t.test('a stream has what a whole answer has', async t => {
  const { text } = (await (await ask({})).json()) as { text: string };
  const events = eventData(await (await ask({ stream: true })).text()).slice(0, -1);
  const parsed = events.map(data => JSON.parse(data) as { delta?: string; text?: string });
  t.equal(parsed.at(-1)!.text, text);
  t.equal(parsed.map(({ delta = '' }) => delta).join(''), text);
});

t.test('words have times within the recording', async t => {
  const fields = { response_format: 'verbose_json', timestamp_granularities: ['word'] };
  const { words } = (await (await ask(fields)).json()) as { words: { start: number; end: number }[] };
  for (const { start, end } of words) t.ok(start >= 0 && end >= start && end <= 30);
});

t.test('several at once get what each gets alone', async t => {
  const seeds = [1, 2, 3, 4, 5, 6];
  const text = async (seed: number): Promise<string> =>
    ((await (await ask({ seed })).json()) as { text: string }).text;
  const alone: string[] = [];
  for (const seed of seeds) alone.push(await text(seed));
  t.strictSame(await Promise.all(seeds.map(text)), alone);
});

t.test('pieces with sound in them', async t => {
  const answer = await ask({ chunking_strategy: 'auto', response_format: 'srt' });
  t.equal(answer.status, 200, await answer.text());
});

t.test('the language is found out', async t => {
  const answer = await ask({ language: null, response_format: 'verbose_json' });
  t.match(await answer.json(), { language: /^(english|german|japanese)$/ });
});

t.test('a client that leaves ends the work of the engine', async t => {
  const controller = new AbortController();
  const pending = ask({ file: new Blob([wav(300)]) }, { signal: controller.signal });
  await eventually(() => model.stats().engine!.running > 0);
  controller.abort();
  await t.rejects(pending);
  await eventually(() => model.stats().engine!.running === 0 && model.stats().engine!.waiting === 0);
});
