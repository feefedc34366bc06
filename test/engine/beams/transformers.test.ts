import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t from 'tap';
import { openDecoder } from '#bench/support/open-decoder.js';
import type { Hypothesis } from '#engine/beams/types.js';
import { Engine } from '#engine/engine.js';
import type { GenerationRequest } from '#engine/types.js';
import { readGenerationDefaults } from '#model/generation-defaults.js';
import { Environment } from '#runtime/index.js';
import { DECODER_FIXTURES, readFixture } from '#test/support/decoder-fixtures.js';
import { greedy, GREEDY } from '#test/support/generation-request.js';
import { all as eventsOf } from '#test/support/letter-engine.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';

/** What transformers' `generate` gives, see `test/fixtures/make_seq2seq.py`. */
interface Searches {
  readonly end: number;
  readonly prompts: readonly (readonly number[])[];
  readonly searches: readonly {
    readonly prompt: number;
    /** Fields of `GenerationConfig`. */
    readonly options: Readonly<Record<string, unknown>>;
    readonly results: readonly { readonly ids: readonly number[]; readonly score?: number }[];
  }[];
}

const environment = new Environment();
const tokenizer = { ...letterTokenizer, decode: (ids: readonly number[]) => ids.map(() => '.').join('') };

/** A request as the options say. @param folder where they are written to be read. */
async function requestOf(
  folder: string,
  promptIds: readonly number[],
  { max_length, min_length, ...options }: Searches['searches'][number]['options'],
  end: number,
): Promise<GenerationRequest> {
  const fields = {
    ...options,
    // A prompt of a generator is as long as it likes.
    max_new_tokens: (max_length as number) - promptIds.length,
    min_new_tokens: Math.max(0, ((min_length ?? 0) as number) - promptIds.length),
    eos_token_id: end,
    decoder_start_token_id: 0,
  };
  await writeFile(path.join(folder, 'generation_config.json'), JSON.stringify(fields));
  const { sampling, beams, minTokens, maxTokens } = await readGenerationDefaults(folder);
  const request = greedy(promptIds, { maxTokens: maxTokens!, minTokens, stopTokenIds: new Set([end]) });
  return { ...request, sampling: { ...GREEDY, ...sampling }, ...(beams.width > 1 && { beams }) };
}

/** Whether a banned sequence begins in the prompt: to vLLM, and here, a generator's prompt is none of its text. */
function bansGoOn(
  promptIds: readonly number[],
  { bad_words_ids: banned = [] }: Record<string, unknown>,
): boolean {
  return (banned as number[][]).some(ids => ids.length > 1 && ids[0] === promptIds.at(-1));
}

for (const name of ['gpt2', 'llama'])
  t.test(`${name}: the same texts and scores as transformers, all at once`, async t => {
    const folder = await mkdtemp(path.join(tmpdir(), 'kvasir-'));
    t.teardown(() => rm(folder, { recursive: true }));
    await cp(path.join(DECODER_FIXTURES, name), folder, { recursive: true });
    const { end, prompts, searches: all } = await readFixture<Searches>(name, 'beams.json');
    const searches = all.filter(({ prompt, options }) => !bansGoOn(prompts[prompt]!, options));
    const decoder = await openDecoder(environment, folder, 12, 'f32', { intraOpThreads: 1 });
    const engine = new Engine(decoder, { ...tokenizer, vocabularySize: decoder.shape.vocabularySize });
    t.teardown(() => engine.close());
    const answers = [];
    for (const { prompt, options } of searches) {
      const request = await requestOf(folder, prompts[prompt]!, options, end);
      answers.push(eventsOf(engine.generate(request)));
    }
    for (const [i, { prompt, options, results }] of searches.entries()) {
      const [event] = (await answers[i]!).slice(-1);
      if (event?.type !== 'delta') throw new Error('expected a delta');
      const found: readonly Pick<Hypothesis, 'tokens' | 'score'>[] = event.hypotheses ?? [
        { tokens: (await answers[i]!).flatMap(e => (e.type === 'delta' ? e.tokens : [])), score: 0 },
      ];
      const message = `${JSON.stringify(prompts[prompt])} ${JSON.stringify(options)}`;
      t.strictSame(
        found.map(({ tokens }) => tokens.map(({ id }) => id)),
        results.map(({ ids }) => ids),
        message,
      );
      const difference = Math.max(...found.map(({ score }, j) => Math.abs(score - (results[j]?.score ?? 0))));
      t.ok(difference < 1e-4, `${message}: scores differ by ${difference}`);
    }
  });
