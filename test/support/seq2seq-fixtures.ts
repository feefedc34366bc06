import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DECODER_FIXTURES, fixtureFloats } from './decoder-fixtures.js';

/** A folder of `test/fixtures/`. */
function fixtures(name: string): string {
  return fileURLToPath(new URL(`../../../test/fixtures/${name}/`, import.meta.url));
}

const WEIGHTS = fixtures('seq2seq');
const EXPORTS = fixtures('exports');

/** Fields of transformers' `generate`, by its names. What is missing has no effect. */
export interface SearchOptions {
  /** With what the decoder begins with. */
  readonly max_length: number;
  /** 1, its default: the most likely token of each step. */
  readonly num_beams?: number;
  readonly length_penalty?: number;
  readonly early_stopping?: boolean | 'never';
  readonly num_return_sequences?: number;
  readonly no_repeat_ngram_size?: number;
  readonly encoder_no_repeat_ngram_size?: number;
  readonly bad_words_ids?: readonly (readonly number[])[];
  /** With what the decoder begins with. */
  readonly min_length?: number;
  readonly repetition_penalty?: number;
  readonly encoder_repetition_penalty?: number;
  readonly renormalize_logits?: boolean;
  readonly suppress_tokens?: readonly number[];
  readonly begin_suppress_tokens?: readonly number[];
  readonly forced_bos_token_id?: number;
  readonly forced_eos_token_id?: number;
}

/** A text that `generate` gave. */
export interface Hypothesis {
  /** Without what the decoder began with, and with the end where it came to one. */
  readonly ids: readonly number[];
  /** `sequences_scores`; undefined without beams. */
  readonly score?: number;
}

/** A call of `generate` and what came of it. */
export interface Search {
  /** Index in {@link Searches.prompts}. */
  readonly prompt: number;
  readonly options: SearchOptions;
  /** Best first. */
  readonly results: readonly Hypothesis[];
}

/** What transformers' `generate` gives for a tiny model. */
export interface Searches {
  /** Sources; prompts of a generator. */
  readonly prompts: readonly (readonly number[])[];
  readonly searches: readonly Search[];
}

/** What transformers gives for one source and one target. */
export interface Seq2SeqRun {
  readonly source: readonly number[];
  /** Begins with the decoder's first token. */
  readonly target: readonly number[];
  /** Hidden states of the source, `[length, hidden]`. */
  readonly states: Float32Array;
  /** Of every position of the target, `[length, vocabulary]`. */
  readonly logits: Float32Array;
}

/** A tiny encoder-decoder with what transformers gives for it: see `test/fixtures/make_seq2seq.py`. */
export interface Seq2SeqFixture extends Searches {
  readonly name: string;
  /** Its Hugging Face folder, which is not to be built in. */
  readonly folder: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly runs: readonly Seq2SeqRun[];
  /** What `generate` gives for a source as the folder's generation_config.json has it. */
  readonly defaults: readonly Omit<Search, 'options'>[];
}

/** All tiny encoder-decoders in the Hugging Face layout. */
export function readSeq2SeqFixtures(): Promise<Seq2SeqFixture[]> {
  return readAll(WEIGHTS);
}

/** One of them, such as `bart`. */
export function readSeq2SeqFixture(name: string): Promise<Seq2SeqFixture> {
  return readFixture(WEIGHTS, name);
}

/**
 * Tiny encoder-decoders as optimum exports them, see `test/fixtures/make_exports.py`: an encoder and a
 * decoder with and without a past, or an encoder and a merged decoder.
 */
export function readSeq2SeqExports(): Promise<Seq2SeqFixture[]> {
  return readAll(EXPORTS);
}

/** Searches of a tiny generator, such as `llama`, and the id that ends its texts in them. */
export async function readGeneratorSearches(
  name: string,
): Promise<Searches & { readonly folder: string; readonly end: number }> {
  const folder = path.join(DECODER_FIXTURES, name);
  return { ...(await readJson<Searches & { readonly end: number }>(folder, 'beams.json')), folder };
}

/** Names of the generators that have {@link readGeneratorSearches}. */
export async function searchedGenerators(): Promise<string[]> {
  const names = await readdir(DECODER_FIXTURES);
  return names.filter(name => existsSync(path.join(DECODER_FIXTURES, name, 'beams.json'))).sort();
}

async function readAll(root: string): Promise<Seq2SeqFixture[]> {
  const names = (await readdir(root)).sort();
  return Promise.all(names.map(name => readFixture(root, name)));
}

async function readFixture(root: string, name: string): Promise<Seq2SeqFixture> {
  const folder = path.join(root, name);
  const expected = await readJson<
    Omit<Seq2SeqFixture, 'name' | 'folder' | 'config' | 'runs'> & {
      readonly runs: readonly (Omit<Seq2SeqRun, 'states' | 'logits'> & {
        readonly states: string;
        readonly logits: string;
      })[];
    }
  >(folder, 'expected.json');
  return {
    ...expected,
    name,
    folder,
    config: await readJson(folder, 'config.json'),
    runs: expected.runs.map(run => ({
      ...run,
      states: fixtureFloats(run.states),
      logits: fixtureFloats(run.logits),
    })),
  };
}

async function readJson<T>(folder: string, file: string): Promise<T> {
  return JSON.parse(await readFile(path.join(folder, file), 'utf8')) as T;
}
