/** A reranker that writes texts, and an embedder with layers on single tokens, from their folders to what clients get. */
import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { loadEncoder } from '#registry/load-encoder.js';
import { readCard } from '#registry/read-card.js';
import { Registry } from '#registry/registry.js';
import type { EncoderModel } from '#registry/types.js';
import { Environment } from '#runtime/index.js';
import { startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/sentence/', import.meta.url));
const environment = new Environment({ logLevel: 'fatal' });
const root = t.testdir();

async function load<T>(name: string): Promise<{ model: EncoderModel; expected: T }> {
  const folder = path.join(root, name);
  await cp(path.join(FIXTURES, name), folder, { recursive: true });
  const expected = JSON.parse(await readFile(path.join(folder, 'expected.json'), 'utf8')) as T;
  const model = await loadEncoder(environment, folder, {
    session: { intraOpThreads: 1 },
    autoTruncate: true,
  });
  t.strictSame((await readCard(folder)).abilities, model.card.abilities, `${name}: what its card says`);
  return { model, expected };
}

const reranker = await load<{ pairs: [string, string][]; scores: number[] }>('reranker');
const embedder = await load<{
  texts: string[];
  vectors: number[][];
  sparse: number[][];
  tokens: number[][][];
}>('bge-m3');
const registry = new Registry([reranker.model, embedder.model]);
const { url } = await startServer(t, { registry });
const post = jsonClient(url);

const isClose = (a: number, b: number): boolean => Math.abs(a - b) < 1e-5;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

t.test('scores of a reranker, whose setting takes its logits as they are', async t => {
  const { pairs, scores } = reranker.expected;
  for (const [i, [query, document]] of pairs.entries()) {
    const wanted = sigmoid(scores[i]!);
    const ask = async (address: string, body: object): Promise<unknown> =>
      (await post(address, { model: 'reranker', ...body })).body;
    const ranked = (await ask('/v1/rerank', { query, documents: [document] })) as {
      results: { relevance_score: number }[];
    };
    t.ok(isClose(ranked.results[0]!.relevance_score, wanted), `/v1/rerank ${i}`);
    const scored = (await ask('/v1/score', { text_1: query, text_2: document })) as {
      data: { score: number }[];
    };
    t.ok(isClose(scored.data[0]!.score, wanted), `/v1/score ${i}`);
    const [raw] = (await ask('/rerank', { query, texts: [document], raw_scores: true })) as {
      score: number;
    }[];
    t.ok(isClose(raw!.score, scores[i]!), `/rerank ${i}`);
    const [label] = (await ask('/predict', { inputs: [query, document] })) as { score: number }[];
    t.ok(isClose(label!.score, scores[i]!), `/predict ${i}`);
  }
});

t.test('one embedder for vectors of texts, of tokens, and over the vocabulary', async t => {
  const { texts, vectors, sparse, tokens } = embedder.expected;
  const inputs = texts.filter(text => text !== '');
  const ask = async <T>(address: string): Promise<T[]> =>
    (await post<T[]>(address, { model: 'bge-m3', inputs })).body;
  const [whole, single, weights] = await Promise.all([
    ask<number[]>('/embed'),
    ask<number[][]>('/embed_all'),
    ask<{ index: number; value: number }[]>('/embed_sparse'),
  ]);
  inputs.forEach((text, i) => {
    t.ok(
      vectors[i]!.every((value, at) => isClose(value, whole[i]![at]!)),
      `/embed ${text}`,
    );
    t.ok(
      tokens[i]!.flat().every((value, at) => isClose(value, single[i]!.flat()[at]!)),
      `/embed_all ${text}`,
    );
    const found = sparse[i]!.map((_, id) => weights[i]!.find(({ index }) => index === id)?.value ?? 0);
    t.ok(
      sparse[i]!.every((value, at) => isClose(value, found[at]!)),
      `/embed_sparse ${text}`,
    );
  });
});
