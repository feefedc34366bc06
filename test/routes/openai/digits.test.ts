import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { loadModel } from '#registry/load.js';
import { Registry } from '#registry/registry.js';
import { Environment } from '#runtime/index.js';
import { startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

/** What transformers makes of a picture that the model's training held out: `models/training/measure_digits.py`. */
interface Example {
  /** What it is meant to be. */
  readonly digit: number;
  /** A WebP without loss, in base64. */
  readonly file: string;
  readonly logits: readonly number[];
}

interface Answer {
  readonly data: readonly { readonly label: string; readonly probs: readonly number[] }[];
}

const ROOT = new URL('../../../../', import.meta.url);
const folder = fileURLToPath(new URL('models/kvasir-digits-343k', ROOT));
const examples = JSON.parse(await readFile(new URL('test/fixtures/digits.json', ROOT), 'utf8')) as Example[];

const model = await loadModel(new Environment({ logLevel: 'fatal' }), folder, {
  id: 'digits',
  slots: 1,
  session: { intraOpThreads: 1 },
});
const { url } = await startServer(t, { registry: new Registry([model]) });
const post = jsonClient(url);

t.test('pictures of many sizes at once, as transformers reads them', async t => {
  const input = examples.map(({ file }) => ({ image: `data:image/webp;base64,${file}` }));
  const { body } = await post<Answer>('/v1/classify', { model: 'digits', input, raw_scores: true });
  t.equal(body.data.length, examples.length);
  for (const [i, { logits }] of examples.entries()) {
    const { label, probs } = body.data[i]!;
    t.equal(label, String(logits.indexOf(Math.max(...logits))));
    // The weights have 16 bits, and the graph normalises in another order than numpy does.
    t.ok(Math.max(...logits.map((logit, j) => Math.abs(logit - probs[j]!))) < 5e-4, `picture ${i}`);
  }
});

t.test('most of them are what they are meant to be', t => {
  const right = examples.filter(({ digit, logits }) => logits.indexOf(Math.max(...logits)) === digit);
  t.ok(right.length >= 0.8 * examples.length, `${right.length} of ${examples.length}`);
  t.end();
});
