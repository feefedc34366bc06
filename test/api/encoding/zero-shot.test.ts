/** What transformers' pipeline gives for labels of a request's own: see `make_zero_shot.py`. */
import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { inputLimit } from '#api/encoding/inputs.js';
import { DEFAULT_HYPOTHESIS, zeroShotTexts } from '#api/encoding/zero-shot-texts.js';
import { loadEncoder } from '#registry/load-encoder.js';
import { Environment } from '#runtime/index.js';

interface Expected {
  readonly texts: readonly string[];
  readonly cases: readonly {
    readonly candidate_labels: readonly string[];
    readonly hypothesis_template?: string;
    readonly multi_label?: boolean;
    /** The best label first. */
    readonly results: readonly { readonly labels: readonly string[]; readonly scores: readonly number[] }[];
  }[];
}

const FIXTURE = fileURLToPath(new URL('../../../../test/fixtures/zero-shot/', import.meta.url));

t.test('scores of labels for texts', async t => {
  const folder = path.join(t.testdir(), 'model');
  await cp(FIXTURE, folder, { recursive: true });
  const { texts, cases } = JSON.parse(await readFile(path.join(folder, 'expected.json'), 'utf8')) as Expected;
  const environment = new Environment({ logLevel: 'fatal' });
  const model = await loadEncoder(environment, folder, { session: { intraOpThreads: 1 } });
  t.teardown(() => model.close());
  const sources = texts.map((text, i) => ({ param: `${i}`, text }));
  for (const { candidate_labels: labels, hypothesis_template: template, multi_label, results } of cases) {
    const { scores } = await zeroShotTexts(
      model,
      sources,
      { labels, template: template ?? DEFAULT_HYPOTHESIS },
      { limit: inputLimit({}, model), raw: false, multiLabel: multi_label ?? false },
      { client: '', signal: new AbortController().signal },
    );
    results.forEach((wanted, text) =>
      wanted.labels.forEach((label, i) => {
        const error = Math.abs(scores[text]![labels.indexOf(label)]! - wanted.scores[i]!);
        t.ok(error < 2e-6, `text ${text}, ${label}: differs by ${error.toExponential(1)}`);
      }),
    );
  }
});
