import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { loadModel } from '#registry/load.js';
import { Registry } from '#registry/registry.js';
import { Environment } from '#runtime/index.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { eventData, startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

/** What transformers' `generate` writes for a word that the model's training held out. */
interface Example {
  readonly word: string;
  readonly greedy: string;
  /** Of 4 beams, the best first. */
  readonly beams: readonly string[];
}

interface Answer {
  readonly choices: { readonly text: string; readonly finish_reason: string }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
  readonly error: { readonly code: string; readonly n_prompt_tokens: number; readonly n_ctx: number };
}

const ROOT = new URL('../../../../', import.meta.url);
const folder = fileURLToPath(new URL('models/kvasir-phonemes-2m', ROOT));
const examples = JSON.parse(
  await readFile(new URL('test/fixtures/phonemes.json', ROOT), 'utf8'),
) as readonly Example[];
const words = examples.map(({ word }) => word);

const model = await loadModel(new Environment({ logLevel: 'fatal' }), folder, {
  id: 'phonemes',
  slots: 8,
  session: { intraOpThreads: 1 },
});
const { url } = await startServer(t, { registry: new Registry([model]) });
const post = jsonClient(url);
const ask = async (fields: object): Promise<Answer> =>
  (await post<Answer>('/v1/completions', { model: 'phonemes', ...fields })).body;

t.test('words of many lengths at once, as transformers writes them', async t => {
  const { choices, usage } = await ask({ prompt: words });
  t.strictSame(
    choices.map(({ text }) => text),
    examples.map(({ greedy }) => greedy),
  );
  t.ok(choices.every(choice => choice.finish_reason === 'stop'));
  t.equal(usage.prompt_tokens, words.join('').length + words.length, 'letters, and an end each');
});

t.test('with 4 beams, the same hypotheses in the same order', async t => {
  const { choices } = await ask({ prompt: words, use_beam_search: true, n: 4 });
  t.strictSame(
    choices.map(({ text }) => text),
    examples.flatMap(({ beams }) => beams),
  );
});

t.test('a stream says the same', async t => {
  const [{ word, greedy }] = examples as readonly [Example];
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'phonemes', prompt: word, stream: true }),
  });
  const chunks = eventData(await response.text()).slice(0, -1);
  const pieces = chunks.map(chunk => (JSON.parse(chunk) as Answer).choices[0]!.text);
  t.equal(pieces.join(''), greedy);
  t.ok(pieces.length > 1);
});

t.test('case, accents, hyphens and typographic apostrophes do not count', async t => {
  const { choices } = await ask({ prompt: ["don't", 'DON’T', 'cafe', 'Café', 'email', 'e-mail'] });
  const [plain, typographic, cafe, accented, email, hyphenated] = choices.map(({ text }) => text);
  t.equal(typographic, plain);
  t.equal(accented, cafe);
  t.equal(hyphenated, email);
});

t.test('a word that is too long is refused', async t => {
  const { error } = await ask({ prompt: 'a'.repeat(32) });
  t.match(error, { code: 'context_length_exceeded', n_prompt_tokens: 33, n_ctx: 32 });
});

t.test('a phoneme is a token with the space before it', async t => {
  const tokenizer = await loadTokenizer(folder);
  const phonemes = ['K', 'AE1', 'T'];
  const ids = phonemes.map(phoneme => tokenizer.id(`▁${phoneme}`)!);
  t.equal(tokenizer.decode(ids), phonemes.join(' '));
  t.strictSame(
    tokenizer.encode('Cat’s').map(id => tokenizer.token(id)),
    ['c', 'a', 't', "'", 's', '</s>'],
  );
});
