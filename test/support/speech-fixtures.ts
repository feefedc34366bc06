import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SoundShape, SoundSource } from '#model/decoder/contract.js';
import { fixtureFloats } from './decoder-fixtures.js';

/** A folder of `test/fixtures/`. */
function fixtures(name: string): string {
  return fileURLToPath(new URL(`../../../test/fixtures/${name}/`, import.meta.url));
}

const SPEECH = fixtures('speech');

/** What transformers gives for one sound and one target. */
export interface SpeechRun {
  readonly sound: SoundSource;
  /** Begins with the decoder's first token. */
  readonly target: readonly number[];
  /** Hidden states of the sound, `[positions, hidden]`. */
  readonly states: Float32Array;
  /** Of every position of the target, `[length, vocabulary]`. */
  readonly logits: Float32Array;
  /** Where tokens look, `[layers, heads, length, positions]`. */
  readonly looks: Float32Array;
  /** The most likely tokens, the first one included, as many as the decoder takes. */
  readonly greedy: readonly number[];
}

/** A tiny Whisper with what transformers gives for it: see `test/fixtures/make_speech.py`. */
export interface SpeechFixture {
  readonly name: string;
  /** Its Hugging Face folder, which is not to be built in. */
  readonly folder: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly shape: SoundShape;
  readonly runs: readonly SpeechRun[];
}

/** All of them. */
export function readSpeechFixtures(): Promise<SpeechFixture[]> {
  return readAll(SPEECH);
}

/** One of them, such as `whisper`. */
export function readSpeechFixture(name: string): Promise<SpeechFixture> {
  return readFixture(SPEECH, name);
}

/** Tiny Whispers as optimum exports them, in two graphs and in three: see `test/fixtures/make_exports.py`. */
export function readSpeechExports(): Promise<SpeechFixture[]> {
  return readAll(fixtures('speech-exports'));
}

async function readAll(root: string): Promise<SpeechFixture[]> {
  const entries = await readdir(root, { withFileTypes: true });
  const names = entries.filter(entry => entry.isDirectory()).map(({ name }) => name);
  return Promise.all(names.sort().map(name => readFixture(root, name)));
}

async function readFixture(root: string, name: string): Promise<SpeechFixture> {
  const folder = path.join(root, name);
  const config = await readJson<Record<string, unknown>>(path.join(folder, 'config.json'));
  const shape = {
    bins: config.num_mel_bins as number,
    frames: 2 * (config.max_source_positions as number),
  };
  type Stored = Pick<SpeechRun, 'target' | 'greedy'> &
    Readonly<Record<'states' | 'logits' | 'looks', string>> & { readonly seed: number };
  const { runs } = await readJson<{ runs: readonly Stored[] }>(path.join(folder, 'expected.json'));
  return {
    name,
    folder,
    config,
    shape,
    runs: runs.map(({ seed, target, greedy, states, logits, looks }) => ({
      sound: madeUpSound(shape, seed),
      target,
      greedy,
      states: fixtureFloats(states),
      logits: fixtureFloats(logits),
      looks: fixtureFloats(looks),
    })),
  };
}

/** The features that `make_speech.py` makes of a seed. */
export function madeUpSound({ bins, frames }: SoundShape, seed: number): SoundSource {
  const features = Float32Array.from(
    { length: bins * frames },
    (_, i) => 1.5 * Math.sin((i + 1) * (0.61 + seed / 7)),
  );
  return { key: `sound ${seed}`, features };
}

/** Features of {@link madeUpSamples}, some frames of all, as numpy has them in float64. */
export interface LogMelFixture {
  readonly bins: number;
  /** Frames of all. */
  readonly frames: number;
  /** Those that are kept. */
  readonly kept: readonly number[];
  /** `[bins, kept]` */
  readonly values: Float32Array;
}

export async function readLogMelFixtures(): Promise<{
  readonly seconds: number;
  readonly features: readonly LogMelFixture[];
}> {
  type Stored = Omit<LogMelFixture, 'values'> & { readonly values: string };
  const { seconds, features } = await readJson<{ seconds: number; features: readonly Stored[] }>(
    path.join(SPEECH, 'log-mel.json'),
  );
  return { seconds, features: features.map(one => ({ ...one, values: fixtureFloats(one.values) })) };
}

/** The sound that `make_speech.py` makes features of: tones that come and go, one of them rising,
 * noise, and a click. */
export function madeUpSamples(seconds: number): Float32Array {
  return Float32Array.from({ length: Math.floor(seconds * 16_000) }, (_, i) => {
    const t = i / 16_000;
    const rising = Math.sin(2 * Math.PI * (300 + 900 * t) * t);
    const wild = Math.sin(i * 12.9898) * 43_758.5453;
    const noise = 0.02 * (wild - Math.floor(wild) - 0.5);
    const click = i === 5000 ? 0.9 : 0;
    return 0.4 * Math.sin(2 * Math.PI * 440 * t) * Math.sin(7 * t) + 0.2 * rising + noise + click;
  });
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}
