/** Folders that sentence-transformers 6 has saved or reads, and what it gives for them: see `make_sentence_models.py`. */
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { classify, labelScores } from '#api/encoding/classify.js';
import { embed } from '#api/encoding/embed.js';
import { embedTokens } from '#api/encoding/embed-tokens.js';
import { embedSparse } from '#api/encoding/embed-sparse.js';
import { inputLimit } from '#api/encoding/inputs.js';
import { relevance } from '#api/encoding/relevance.js';
import { tokenVectors } from '#api/encoding/token-vectors.js';
import { withPrompt } from '#api/encoding/prompt.js';
import { loadEncoder } from '#registry/load-encoder.js';
import { Environment } from '#runtime/index.js';

interface Expected {
  readonly texts?: readonly string[];
  readonly vectors?: readonly (readonly number[])[];
  /** Sparse vectors, with all of their components. */
  readonly sparse?: readonly (readonly number[])[];
  /** Vectors of the texts' tokens as queries and as documents, and how well each query goes with each document. */
  readonly queries?: readonly (readonly (readonly number[])[])[];
  readonly documents?: readonly (readonly (readonly number[])[])[];
  readonly relevance?: readonly (readonly number[])[];
  /** Vectors of the texts' tokens beside the texts' own, and how well each text goes with each by them. */
  readonly tokens?: readonly (readonly (readonly number[])[])[];
  readonly late?: readonly (readonly number[])[];
  readonly pairs?: readonly (readonly [string, string])[];
  /** A number for each pair, or one for each of its labels. */
  readonly scores?: readonly (number | readonly number[])[];
}

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures/sentence/', import.meta.url));
const environment = new Environment({ logLevel: 'fatal' });
const caller = { client: '', signal: new AbortController().signal };

/** Largest difference between two lists of numbers; infinite where they have different lengths. */
function difference(actual: ArrayLike<number>, wanted: readonly number[]): number {
  if (actual.length !== wanted.length) return Infinity;
  return wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0);
}

for (const name of await readdir(FIXTURES))
  t.test(`${name} gives what sentence-transformers gives`, async t => {
    const folder = path.join(t.testdir(), name);
    await cp(path.join(FIXTURES, name), folder, { recursive: true });
    const expected = JSON.parse(await readFile(path.join(folder, 'expected.json'), 'utf8')) as Expected;
    const model = await loadEncoder(environment, folder, { session: { intraOpThreads: 1 } });
    t.teardown(() => model.close());
    const limit = inputLimit({ truncate: true }, model);
    const { texts = [], vectors = [], sparse = [], pairs = [], scores = [] } = expected;

    const sources = texts.map((text, i) => ({ param: `${i}`, text }));
    const options = { limit, dimensions: undefined, normalize: false };
    const result = vectors.length > 0 ? await embed(model, sources, options, caller) : { vectors: [] };
    vectors.forEach((vector, i) => {
      const error = difference(result.vectors[i]!, vector);
      t.ok(error < 2e-6, `text ${i} differs by ${error.toExponential(1)}`);
    });

    const prompted = withPrompt(model, sources, {});
    const found = sparse.length > 0 ? await embedSparse(model, prompted, limit, caller, 'inputs') : [];
    sparse.forEach((vector, i) => {
      const whole = new Float32Array(vector.length);
      found[i]!.indexes.forEach((index, nth) => (whole[index] = found[i]!.values[nth]!));
      const error = difference(whole, vector);
      t.ok(error < 1e-5, `sparse vector ${i} differs by ${error.toExponential(1)}`);
    });

    const { queries = [], documents = [], relevance: scored = [] } = expected;
    for (const [role, wanted] of [
      ['query', queries],
      ['document', documents],
    ] as const) {
      const read =
        wanted.length > 0 ? await tokenVectors(model, sources, role, limit, caller, 'inputs') : undefined;
      wanted.forEach((vectors, i) => {
        t.equal(read!.vectors[i]!.length, vectors.length, `${role} ${i} has ${vectors.length} vectors`);
        const error = difference(
          read!.vectors[i]!.flatMap(vector => [...vector]),
          vectors.flat(),
        );
        t.ok(error < 2e-6, `${role} ${i} differs by ${error.toExponential(1)}`);
      });
    }
    for (const [i, wanted] of scored.entries()) {
      const { scores } = await relevance(model, [sources[i]!], sources, { limit, raw: false }, caller);
      const error = difference(scores, wanted);
      t.ok(error < 1e-5, `relevance to query ${i} differs by ${error.toExponential(1)}`);
    }

    const { tokens = [], late = [] } = expected;
    const single = tokens.length > 0 ? await embedTokens(model, sources, {}, limit, caller, 'inputs') : [];
    tokens.forEach((vectors, i) => {
      const error = difference(
        single[i]!.flatMap(vector => [...vector]),
        vectors.flat(),
      );
      t.ok(error < 2e-6, `the tokens of text ${i} differ by ${error.toExponential(1)}`);
    });
    for (const [i, wanted] of late.entries()) {
      const compared = { ...model, sentences: { ...model.sentences, similarity: 'mean_maxsim' as const } };
      const { scores } = await relevance(compared, [sources[i]!], sources, { limit, raw: false }, caller);
      const error = difference(scores, wanted);
      t.ok(error < 1e-5, `late relevance to text ${i} differs by ${error.toExponential(1)}`);
    }

    const asked = pairs.map(([text, pair], i) => ({ param: `${i}`, text, pair }));
    const answers = asked.length > 0 ? await classify(model, asked, limit, caller) : { logits: [] };
    scores.forEach((score, i) => {
      const values = labelScores(model, answers.logits[i]!, false).map(label => label.score);
      const error = difference(values, [score].flat());
      t.ok(error < 2e-6, `pair ${i} differs by ${error.toExponential(1)}`);
    });
    if (model.labels.length === 1) {
      const [queries, documents] = [0, 1].map(side =>
        pairs.map((pair, i) => ({ param: `${i}`, text: pair[side]! })),
      ) as [typeof sources, typeof sources];
      const raw = model.activation === 'none';
      const ranked = await relevance(model, queries, documents, { limit, raw }, caller);
      const error = difference(ranked.scores, scores as number[]);
      t.ok(error < 2e-6, `relevance differs by ${error.toExponential(1)}`);
    }
    t.ok(vectors.length + sparse.length + queries.length + scores.length > 0, 'something was compared');
  });

t.test('a marker that is no token of the tokenizer', async t => {
  const folder = path.join(t.testdir(), 'marked');
  await cp(path.join(FIXTURES, 'multi-vector-stanford'), folder, { recursive: true });
  await writeFile(path.join(folder, 'artifact.metadata'), JSON.stringify({ doc_token_id: '[nobody]' }));
  await t.rejects(loadEncoder(environment, folder, { session: { intraOpThreads: 1 } }), {
    code: 'unsupported_model',
    message: /'\[nobody\]' stands in front of texts, which is no token of the tokenizer/,
  });
});
