import t from 'tap';
import { Registry } from '#registry/registry.js';
import type { ModelSource } from '#registry/types.js';
import { MAX_CHARACTERS } from '#routes/libretranslate/fields.js';
import { ApiKeys } from '#http/security/api-keys.js';
import { silence } from '#test/support/fake-engine.js';
import { fakeTranslator, FIRST_LANGUAGE } from '#test/support/fake-translator.js';
import { eventually, fakeModel, startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

interface Answer {
  readonly translatedText: string | string[];
  readonly alternatives?: unknown;
  readonly detectedLanguage?: unknown;
  readonly error?: string;
}

const german = fakeTranslator('en-de', { translates: { sources: ['en'], targets: ['de'] } });
const english = fakeTranslator('de-en', {
  translates: { sources: ['de'], targets: ['en'] },
  by: text => text.toLowerCase(),
});
const codes = ['eng_Latn', 'fra_Latn', 'spa_Latn', 'jpn_Jpan'];
const many = fakeTranslator('many', {
  translates: { sources: codes, targets: codes },
  knowsCodes: true,
  defaults: { beams: { width: 3, lengthPenalty: 1, earlyStopping: true, results: 1 } },
  by: (text, { sampling }) => `${sampling.forcedFirstId! - FIRST_LANGUAGE}:${text}`,
});
const writer = fakeModel('writer');
const registry = new Registry([writer, german.model, english.model, many.model]);
const { url } = await startServer(t, { registry });
const post = jsonClient(url);
const ask = (body: object, signal?: AbortSignal) =>
  post<Answer>('/translate', { source: 'en', target: 'de', ...body }, signal);
const get = async (path: string): Promise<unknown> => (await fetch(url + path)).json();

t.beforeEach(() => {
  for (const { engine } of [german, english, many]) engine.reset();
});

t.test('one text and several', async t => {
  t.strictSame(await ask({ q: 'Hello world' }), { status: 200, body: { translatedText: 'HELLO WORLD' } });
  t.strictSame((await ask({ q: ['a', '', 'a'] })).body, { translatedText: ['A', '', 'A'] });
  t.equal(german.engine.requests.length, 2, 'the same text is translated once');
});

t.test('sentences are translated by themselves, and what is between them stays', async t => {
  const { body } = await ask({ q: '  First. Second!\n\n* third\r\n 12\n' });
  t.equal(body.translatedText, '  FIRST. SECOND!\n\n* THIRD\r\n 12\n');
  t.equal(german.engine.requests.length, 3);
  t.strictSame((await ask({ q: '🎉 12' })).body, { translatedText: '🎉 12' });
  t.equal(german.engine.requests.length, 3, 'what has no words is not translated');
});

t.test('a sentence that is too long is taken apart', async t => {
  const q = `${'one two three four, '.repeat(12)}end. ${'x'.repeat(100)}`;
  t.equal((await ask({ q })).body.translatedText, q.toUpperCase());
  const sources = german.engine.requests.map(({ sourceIds }) => sourceIds!.length);
  t.ok(sources.length > 8 && sources.every(length => length <= 40));
});

t.test('a translation may be longer than its sentence, but not endless', async t => {
  await ask({ q: 'abcd' });
  const { sourceIds, stop } = german.engine.requests[0]!;
  t.equal(stop.maxTokens, 3 * sourceIds!.length + 64);
});

t.test('pages', async t => {
  const { body } = await ask({ q: ['<p title="a">One &amp; <b>two</b></p>', 'x<br>y'], format: 'html' });
  t.strictSame(body.translatedText, ['<p title="a">ONE &amp; <b>TWO</b></p>', 'X<br>Y']);
  t.equal((await ask({ q: '<p>a' })).body.translatedText, '<P>A', 'are texts unless a request says so');
  t.strictSame((await ask({ q: '<p>a', format: 'html', alternatives: 1 })).body, {
    translatedText: '<p>A',
    alternatives: [],
  });
});

t.test('models are found by the languages', async t => {
  const text = async (fields: object) => (await ask({ q: 'A b', ...fields })).body.translatedText;
  t.equal(await text({ source: 'de-AT', target: 'EN' }), 'a b');
  t.equal(await text({ source: 'en', target: 'fr' }), '1:A b');
  t.equal(await text({ source: 'spa_Latn', target: 'ja' }), '3:A b');
  t.match(many.engine.requests.at(-1), { sourceIds: { 0: FIRST_LANGUAGE + 2 }, promptIds: [0] });
  t.match(await ask({ q: 'a', model: 'many', target: 'fr' }), { body: { translatedText: '1:a' } });
  t.strictSame(await text({ source: 'en', target: 'en-US' }), 'A b', 'a text that is in the language stays');
});

t.test('what is not translated is refused in the manner of LibreTranslate', async t => {
  const cases: [fields: object, error: RegExp][] = [
    [{ q: undefined }, /^q is required/],
    [{ q: '' }, /^q is empty/],
    [{ q: [] }, /^q must have/],
    [{ q: 'a', source: undefined }, /^source is required/],
    [{ q: 'a', target: 'xx' }, /^xx is not supported/],
    [{ q: 'a', source: 'xx' }, /^xx is not supported/],
    [{ q: 'a', source: 'auto', target: 'xx' }, /^xx is not supported/],
    [
      { q: 'a', source: 'de', target: 'fr' },
      /^French \(fr\) is not available as a target language from German/,
    ],
    [{ q: 'a', format: 'pdf' }, /^format must be one of/],
    [{ q: 'a', alternatives: -1 }, /^alternatives must be >= 0/],
    [{ q: 'a', alternatives: 4 }, /^alternatives must be < 4, the number of sequences/],
    [{ q: 'a', model: 'nobody' }, /^the model "nobody" is not served/],
    [{ q: 'a', model: 'writer' }, /^the model "writer" cannot translate/],
    [{ q: 'a', model: 'many', target: 'de' }, /^de is not supported/],
    [{ q: 'a'.repeat(MAX_CHARACTERS + 1) }, /^q has 131073 characters/],
    [{ q: 'a\n'.repeat(1025) }, /^q has more than the 1024 sentences/],
    [{ q: Array.from({ length: 1100 }, (_, n) => `a${n}`) }, /^q has more than the 1024 sentences/],
    [
      { q: Array.from({ length: 10_500 }, (_, n) => n.toString(36).padStart(4, 'q')).join('') },
      /^q has more than the 1024 sentences/,
    ],
    [{ q: '<b>'.repeat(600), format: 'html' }, /^q has more than 512 elements/],
  ];
  for (const [fields, error] of cases) {
    const { status, body } = await ask(fields);
    t.equal(status, 400);
    t.strictSame(Object.keys(body), ['error']);
    t.match(body.error, error);
  }
});

t.test('alternatives are the other hypotheses', async t => {
  const { body } = await ask({ q: ['First. Second.', '12'], alternatives: 2 });
  t.strictSame(body, {
    translatedText: ['FIRST. SECOND.', '12'],
    alternatives: [['FIRST.! SECOND.!', 'FIRST.!! SECOND.!!'], []],
  });
  t.match(german.engine.requests[0]!.beams, { width: 3, results: 3 });
  t.strictSame((await ask({ q: 'a', alternatives: 1 })).body, { translatedText: 'A', alternatives: ['A!'] });
  await ask({ q: 'a', target: 'fr' });
  t.match(many.engine.requests.at(-1)!.beams, { width: 3, results: 1 }, 'the folder wants beams');
});

t.test('languages that are not named are found out', async t => {
  const { body } = await ask({ q: 'Wie geht es dir heute?', source: 'auto', target: 'en' });
  t.match(body, { translatedText: 'wie geht es dir heute?', detectedLanguage: { language: 'de' } });
  const several = await ask({
    q: ['<p>Où est la bibliothèque ?', '<i>x'],
    format: 'html',
    source: 'auto',
    target: 'es',
  });
  t.match(several.body.detectedLanguage, [{ language: 'fr' }, { language: 'fr' }]);
  const same = await ask({ q: 'What is the time?', source: 'auto', target: 'en' });
  t.match(same.body, { translatedText: 'What is the time?', detectedLanguage: { language: 'en' } });
  t.match(await post('/detect', { q: 'Wie geht es dir heute?' }), {
    status: 200,
    body: [{ language: 'de', confidence: Number }],
  });
  t.match(await post('/detect', { q: '' }), { status: 400, body: { error: 'q is empty' } });
});

t.test('forms', async t => {
  const send = async (path: string, body: URLSearchParams | FormData | string, headers = {}) => {
    const response = await fetch(url + path, { method: 'POST', body, headers });
    return { status: response.status, body: await response.json() };
  };
  const fields = { q: 'One.\r\nTwo.', source: 'en', target: 'de', alternatives: '1', api_key: 'x' };
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new Blob(['x']));
  const translated = { translatedText: 'ONE.\nTWO.', alternatives: ['ONE.!\nTWO.!'] };
  t.strictSame(await send('/translate', new URLSearchParams(fields)), { status: 200, body: translated });
  t.strictSame(await send('/translate', form), { status: 200, body: translated });
  form.set('q', '&'.repeat(3000));
  t.match(await send('/translate', form), { status: 200 }, 'what separates fields elsewhere is text there');
  const several = new URLSearchParams('q=a&q=b&source=en&target=de');
  t.match(await send('/translate', several), { body: { translatedText: ['A', 'B'] } });
  t.match(await send('/detect', new URLSearchParams({ q: 'Wie geht es dir?' })), {
    body: [{ language: 'de' }],
  });
  const refused: [body: string | URLSearchParams, headers: object, error: RegExp][] = [
    [new URLSearchParams({ ...fields, alternatives: 'x' }), {}, /^alternatives must be/],
    ['&'.repeat(3000), { 'content-type': 'application/x-www-form-urlencoded' }, /^the form has more than/],
    ['x', { 'content-type': 'multipart/form-data; boundary=y' }, /^the body is no form/],
    [several, { 'sec-fetch-site': 'cross-site' }, /^forms from pages of another origin/],
  ];
  for (const [body, headers, error] of refused)
    t.match(await send('/translate', body, headers), { status: 400, body: { error } });
  t.equal((await send('/translate', several, { 'sec-fetch-site': 'same-origin' })).status, 200);
  t.match(await send('/translate', 'a', { 'content-type': 'text/csv' }), {
    status: 415,
    body: { error: String },
  });
});

t.test('what is served', async t => {
  t.match(await get('/languages'), [
    { code: 'de', name: 'German', targets: ['en'] },
    { code: 'en', name: 'English', targets: ['de', 'es', 'fr', 'ja'] },
    { code: 'es', name: 'Spanish', targets: ['en', 'fr', 'ja'] },
    { code: 'fr', name: 'French' },
    { code: 'ja', name: 'Japanese' },
  ]);
  t.match(await get('/frontend/settings'), {
    charLimit: MAX_CHARACTERS,
    keyRequired: false,
    language: { source: { code: 'auto' }, target: { code: 'en', name: 'English' } },
  });
  t.match(await get('/v1/models/many'), {
    task: 'text2text-generation',
    capabilities: ['completions', 'translate'],
    languages: { sources: codes, targets: codes },
  });
});

t.test('one sentence that fails fails the request', async t => {
  german.engine.script = async function* (request) {
    if (request.id.endsWith('-1')) throw new Error('it broke');
    yield* silence(request, new AbortController().signal);
  };
  const { status, body } = await ask({ q: 'First. Second. Third.' });
  t.equal(status, 500);
  t.match(body.error, /^the server failed/);
  await eventually(() => german.engine.running.size === 0);
  german.engine.capacity = 2;
  t.match(await ask({ q: 'First. Second. Third.' }), { status: 429, body: { error: 'too many requests' } });
});

t.test('a client that leaves ends the work', async t => {
  german.engine.script = silence;
  const controller = new AbortController();
  const answer = ask({ q: 'First. Second.' }, controller.signal).catch(() => 'left');
  await eventually(() => german.engine.running.size === 2);
  controller.abort();
  t.equal(await answer, 'left');
  await eventually(() => german.engine.running.size === 0);
  t.equal(german.engine.cancelled.length, 2);
});

t.test('where nothing translates', async t => {
  const { url: other } = await startServer(t);
  const send = jsonClient(other);
  for (const [path, body] of [
    ['/translate', { q: 'a', source: 'en', target: 'de' }],
    ['/translate', { q: 'a', source: 'auto', target: 'de' }],
    ['/detect', { q: 'a' }],
  ] as const)
    t.strictSame(await send(path, body), {
      status: 400,
      body: { error: 'no model is served here that can translate' },
    });
  t.strictSame(await (await fetch(`${other}/languages`)).json(), []);
});

t.test('a model that cannot be loaded is passed over', async t => {
  const { card } = german.model;
  const broken: ModelSource = { id: 'broken', card, load: async () => Promise.reject(new Error('no')) };
  const { model } = fakeTranslator('sound', { translates: card.translates! });
  const { url: other } = await startServer(t, { registry: new Registry([broken, model]) });
  const send = jsonClient(other);
  const body = { q: 'a', source: 'en', target: 'de' };
  t.match(await send('/translate', body), { status: 500 });
  t.match(await send('/translate', body), { status: 200, body: { translatedText: 'A' } });
});

t.test('a key that is missing', async t => {
  const { url: other } = await startServer(t, { registry, apiKeys: new ApiKeys(['secret-of-a-client']) });
  const response = await fetch(`${other}/languages`);
  t.equal(response.status, 403);
  t.match(await response.json(), { error: /^the API key is missing/ });
});
