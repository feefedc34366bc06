import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { cosine } from '#results/vectors.js';
import { postJson } from '../support/reliability/calls.js';
import type { Checks } from '../support/reliability/checks.js';
import { ServedProcess } from '../support/reliability/served-process.js';

/** What sentence-transformers gives for some texts: see `make_minilm.py`. */
interface References {
  readonly texts: readonly string[];
  /** Of each text, as it is cut to what the model reads. */
  readonly tokens: readonly number[];
  /** Float32, as base64. */
  readonly vectors: readonly string[];
}

const REFERENCES = fileURLToPath(new URL('../../../bench/real/minilm.json', import.meta.url));

/** Smallest cosine between a vector and its reference, by precision. */
const LIMITS = { f32: 0.99999, int8: 0.99, int4: 0.8 } as const;

/** Embeddings of all-MiniLM-L6-v2, one text at a time and all at once, against those of sentence-transformers. */
export async function checkMiniLM(folder: string, checks: Checks): Promise<void> {
  const { texts, tokens, vectors } = JSON.parse(await readFile(REFERENCES, 'utf8')) as References;
  const wanted = vectors.map(
    base64 => new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer),
  );
  checks.section(`Embeddings of all-MiniLM-L6-v2, ${texts.length} texts`);
  for (const [precision, limit] of Object.entries(LIMITS)) {
    const server = await ServedProcess.start([
      `minilm=${folder}`,
      '--precision',
      precision,
      '--log-level',
      'silent',
    ]);
    const embed = async (input: readonly string[]): Promise<Answer> => {
      const body = { model: 'minilm', input, truncate_prompt_tokens: -1 };
      const { status, text } = await postJson(`${server.url}/v1/embeddings`, body);
      if (status !== 200) throw new Error(`${status}: ${text}`);
      return JSON.parse(text) as Answer;
    };
    const together = await embed(texts);
    const alone: Answer[] = [];
    for (const text of texts) alone.push(await embed([text]));
    for (const [way, answers] of [
      ['one at a time', alone.map(({ data }) => data[0]!)],
      ['all at once', together.data],
    ] as const) {
      const cosines = answers.map(({ embedding }, i) => cosine(Float32Array.from(embedding), wanted[i]!));
      const least = Math.min(...cosines);
      checks.add(`${precision}, ${way}: least cosine`, `at least ${limit}`, least.toFixed(6), least >= limit);
    }
    const counts = alone.map(({ usage }) => usage.prompt_tokens);
    const wrong = counts.filter((count, i) => count !== tokens[i]).length;
    checks.add(`${precision}: texts with another number of tokens`, 'none', String(wrong), wrong === 0);
    await server.end();
  }
}

interface Answer {
  readonly data: readonly { readonly embedding: readonly number[] }[];
  readonly usage: { readonly prompt_tokens: number };
}
