/** A Moonshine over HTTP: the texts that transformers writes, and what it cannot be asked for. */
import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { loadModel } from '#registry/load.js';
import { readCard } from '#registry/read-card.js';
import { Registry } from '#registry/registry.js';
import { Environment } from '#runtime/index.js';
import { formOf, type FormValues } from '#test/support/audio-form.js';
import { floatWav } from '#test/support/float-wav.js';
import { eventData, startServer } from '#test/support/http-server.js';
import { MOONSHINE_FOLDER, readMoonshineFixture } from '#test/support/moonshine-fixture.js';

const { config, runs } = await readMoonshineFixture();

/** A word for each token of the fixture's vocabulary, as a tokenizer.json. */
function tokenizer(size: number): object {
  const special = ['<unk>', '<s>', '</s>'];
  const words = Array.from({ length: size - special.length - 1 }, (_, i) => `▁w${i + special.length}`);
  return {
    version: '1.0',
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    post_processor: null,
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries([...special, ...words, '▁'].map((token, id) => [token, id])),
      unk_token: '<unk>',
    },
  };
}

const folder = t.testdir();
await cp(MOONSHINE_FOLDER, folder, { recursive: true });
await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(tokenizer(config.vocab_size as number)));

const environment = new Environment({ logLevel: 'fatal' });
const card = await readCard(folder);
const model = await loadModel(environment, folder, {
  id: 'moonshine',
  slots: 3,
  session: { intraOpThreads: 1 },
});
const { url } = await startServer(t, { registry: new Registry([model]) });

const ask = (sound: Float32Array, fields: FormValues = {}, task = 'transcriptions'): Promise<Response> =>
  fetch(`${url}/v1/audio/${task}`, {
    method: 'POST',
    body: formOf({ file: new Blob([floatWav(sound)]), ...fields }),
  });

const textOf = async (sound: Float32Array, fields: FormValues = {}): Promise<string> =>
  ((await (await ask(sound, fields)).json()) as { text: string }).text;

/** What a run of transformers says, without the tokens at its ends. */
const said = ({ text }: { readonly text: readonly number[] }): string =>
  text
    .filter(id => id > 2)
    .map(id => `w${id}`)
    .join(' ');

t.test('its card is the same before and after it is loaded', async t => {
  t.strictSame(model.card, card);
  t.strictSame(
    [card.task, [...card.abilities], card.hears],
    ['automatic-speech-recognition', ['transcribe'], { languages: [], translates: false, tellsTimes: false }],
  );
  t.match(model, { bytesPerSecond: 64_000 });
  const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: object[] };
  t.match(data, [{ spoken_languages: [], transcript_formats: ['json', 'text'] }]);
});

t.test('the texts of transformers, alone and at once', async t => {
  for (const run of runs) t.equal(await textOf(run.sound.features), said(run));
  const together = await Promise.all(runs.map(run => textOf(run.sound.features)));
  t.strictSame(together, runs.map(said));
});

const { sound: longest } = runs[2]!;

t.test('a stream holds what a whole answer holds', async t => {
  const answer = await ask(longest.features, { stream: true });
  const events = eventData(await answer.text())
    .slice(0, -1)
    .map(data => JSON.parse(data) as object);
  t.match(events, [
    { type: 'transcript.text.delta', delta: said(runs[2]!) },
    { type: 'transcript.text.done', text: said(runs[2]!), usage: { type: 'duration', seconds: 2 } },
  ]);
});

t.test('log-probabilities, drawn texts and beams', async t => {
  const answer = await ask(longest.features, { include: ['logprobs'] });
  const { logprobs, text } = (await answer.json()) as {
    text: string;
    logprobs: { token: string; logprob: number }[];
  };
  t.equal(
    logprobs
      .map(({ token }) => token)
      .join('')
      .trim(),
    text,
  );
  t.ok(logprobs.every(({ logprob }) => logprob <= 0));
  const drawn = { temperature: 0.9, seed: 3, best_of: 2 };
  t.equal(await textOf(longest.features, drawn), await textOf(longest.features, drawn));
  t.equal((await ask(longest.features, { beam_size: 3 })).status, 200);
});

t.test('a recording that is longer than it can hear', async t => {
  // The sound, quiet, and the sound again: each is heard as if it were alone.
  const sound = new Float32Array(31 * 16_000);
  sound.set(longest.features);
  sound.set(longest.features, 29 * 16_000);
  const answer = await ask(sound, { response_format: 'text' });
  t.equal(answer.status, 200);
  t.match(answer.headers.get('content-type'), /^text\/plain/);
});

t.test('what it cannot be asked for', async t => {
  const refused: readonly [FormValues, string, RegExp][] = [
    [{ language: 'en' }, 'language', /cannot be told another/],
    [{ prompt: 'Hello' }, 'prompt', /does not read what was said before/],
    [{ response_format: 'srt' }, 'response_format', /does not tell when .* json and text, not srt/],
    [{ response_format: 'vtt' }, 'response_format', /not vtt/],
    [{ response_format: 'verbose_json' }, 'response_format', /not verbose_json/],
    [
      { response_format: 'verbose_json', timestamp_granularities: ['word'] },
      'response_format',
      /not verbose_json/,
    ],
  ];
  for (const [fields, param, message] of refused) {
    const answer = await ask(longest.features, fields);
    t.equal(answer.status, 400);
    t.match(await answer.json(), { error: { param, message, type: 'invalid_request_error' } });
  }
  const translated = await ask(longest.features, {}, 'translations');
  t.equal(translated.status, 404, 'no model here translates');
});

t.test('silence, and less than a tenth of a second, say nothing', async t => {
  t.equal(await textOf(new Float32Array(20_000)), '');
  t.equal(await textOf(longest.features.subarray(0, 1599)), '');
});
