/** Texts and scores of transformers' `generate`, see `test/fixtures/make_seq2seq.py`, all asked for at once. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { openDecoder } from '#bench/support/open-decoder.js';
import { Engine } from '#engine/engine.js';
import type { GenerationEvent, GenerationRequest } from '#engine/types.js';
import type { Decoder } from '#model/decoder/contract.js';
import { loadSeq2Seq } from '#model/decoder/load-seq2seq.js';
import { readGenerationDefaults } from '#model/generation-defaults.js';
import { Environment } from '#runtime/index.js';
import { DISTANT } from '#test/support/distant-device.js';
import { openPagedDecoder } from '#test/support/open-paged-decoder.js';
import { greedy, GREEDY } from '#test/support/generation-request.js';
import { all, ids } from '#test/support/letter-engine.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';
import {
  readGeneratorSearches,
  readSeq2SeqExports,
  readSeq2SeqFixtures,
  searchedGenerators,
  type Search,
  type SearchOptions,
} from '#test/support/seq2seq-fixtures.js';

const SLOTS = 12;
const environment = new Environment();

/** A request, and what is to come of it. */
interface Case extends Pick<Search, 'results'> {
  readonly request: GenerationRequest;
  readonly message: string;
}

function engineOf(t: Test, decoder: Decoder): Engine {
  const { vocabularySize } = decoder.shape;
  const decode = (tokens: readonly number[]): string => '.'.repeat(tokens.length);
  const engine = new Engine(decoder, { ...letterTokenizer, vocabularySize, decode });
  t.teardown(() => engine.close());
  return engine;
}

/** A request as a folder's generation_config.json has it. */
async function requestOf(
  folder: string,
  promptIds: readonly number[],
  end: number,
): Promise<GenerationRequest> {
  const { sampling, beams, minTokens, maxTokens } = await readGenerationDefaults(folder);
  const request = greedy(promptIds, { maxTokens: maxTokens!, minTokens, stopTokenIds: new Set([end]) });
  return { ...request, sampling: { ...GREEDY, ...sampling }, ...(beams.width > 1 && { beams }) };
}

function found(events: readonly GenerationEvent[]): Search['results'] {
  const last = events.at(-1);
  const hypotheses = last?.type === 'delta' ? last.hypotheses : undefined;
  return hypotheses === undefined
    ? [{ ids: ids(events) }]
    : hypotheses.map(({ tokens, score }) => ({ ids: tokens.map(({ id }) => id), score }));
}

async function check(t: Test, engine: Engine, cases: readonly Case[]): Promise<void> {
  const answers = await Promise.all(cases.map(({ request }) => all(engine.generate(request))));
  cases.forEach(({ results, message }, i) => {
    const hypotheses = found(answers[i]!);
    t.strictSame(
      hypotheses.map(({ ids }) => ids),
      results.map(({ ids }) => ids),
      message,
    );
    const differences = hypotheses.map(({ score = 0 }, j) => Math.abs(score - (results[j]?.score ?? 0)));
    t.ok(Math.max(...differences) < 1e-4, `${message}: scores differ by ${Math.max(...differences)}`);
  });
}

/** What a generator is asked, whose prompt is as long as it likes. */
function ofGenerator(promptIds: readonly number[], options: SearchOptions, end: number): object {
  const { max_length: longest, min_length: shortest = 0, ...fields } = options;
  return {
    ...fields,
    max_new_tokens: longest - promptIds.length,
    min_new_tokens: Math.max(0, shortest - promptIds.length),
    eos_token_id: end,
    decoder_start_token_id: 0,
  };
}

const SETTINGS = { intraOpThreads: 1 };

/** Ways to run a generator, whose caches copy in ways of their own. */
const WAYS: Readonly<Record<string, (folder: string) => Promise<Decoder>>> = {
  'in slots': folder => openDecoder(environment, folder, SLOTS, 'f32', SETTINGS),
  'on a distant device': folder =>
    openDecoder(environment, folder, SLOTS, 'f32', { ...SETTINGS, device: DISTANT }, false),
  'with a paged cache': folder =>
    openPagedDecoder(environment, folder, { slots: SLOTS, blockSize: 4 }, SETTINGS),
};

// Learned positions are not for paged caches.
const GENERATORS = (await searchedGenerators())
  .flatMap(name => Object.entries(WAYS).map(([way, open]) => ({ name, way, open })))
  .filter(({ name, way }) => name !== 'gpt2' || way !== 'with a paged cache');

for (const { name, way, open } of GENERATORS)
  t.test(`generator ${name}, ${way}`, async t => {
    const { folder: fixture, end, prompts, searches } = await readGeneratorSearches(name);
    const folder = t.testdir();
    await cp(fixture, folder, { recursive: true });
    const engine = engineOf(t, await open(folder));
    const cases: Case[] = [];
    for (const { prompt, options, results } of searches) {
      const promptIds = prompts[prompt]!;
      const fields = ofGenerator(promptIds, options, end);
      await writeFile(path.join(folder, 'generation_config.json'), JSON.stringify(fields));
      const message = `${JSON.stringify(promptIds)} ${JSON.stringify(options)}`;
      cases.push({ request: await requestOf(folder, promptIds, end), results, message });
    }
    await check(t, engine, cases);
  });

const ENCODER_DECODERS = [
  ...(await readSeq2SeqFixtures()).map(fixture => ({ ...fixture, kind: 'encoder-decoder' })),
  ...(await readSeq2SeqExports()).map(fixture => ({ ...fixture, kind: 'exported' })),
];

for (const { name, kind, folder: fixture, prompts, searches, defaults } of ENCODER_DECODERS)
  t.test(`${kind} ${name}`, async t => {
    const folder = t.testdir();
    await cp(fixture, folder, { recursive: true });
    const file = path.join(folder, 'generation_config.json');
    const own = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    const tokens = ['bos', 'eos', 'pad', 'decoder_start'].map(role => `${role}_token_id`);
    const base = Object.fromEntries(Object.entries(own).filter(([field]) => tokens.includes(field)));
    const end = own['eos_token_id'] as number;
    const { decoder } = await loadSeq2Seq(environment, folder, {
      slots: SLOTS,
      session: SETTINGS,
    });
    const engine = engineOf(t, decoder);
    const cases: Case[] = [];
    const asked = [
      ...defaults.map(search => ({ ...search, options: own })),
      ...searches.map(search => ({ ...search, options: { ...base, ...search.options } })),
    ];
    for (const { prompt, options, results } of asked) {
      await writeFile(file, JSON.stringify(options));
      const { startIds } = await readGenerationDefaults(folder);
      const request = { ...(await requestOf(folder, startIds, end)), sourceIds: prompts[prompt]! };
      cases.push({ request, results, message: `source ${prompt} ${JSON.stringify(options)}` });
    }
    await check(t, engine, cases);
  });
