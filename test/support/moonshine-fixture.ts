import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SoundSource } from '#model/decoder/contract.js';
import { fixtureFloats } from './decoder-fixtures.js';
import { madeUpSound } from './speech-fixtures.js';

/** What transformers gives for one sound. */
export interface MoonshineRun {
  readonly sound: SoundSource;
  /** Begins with the decoder's first token. */
  readonly target: readonly number[];
  /** Hidden states of the sound, `[positions, hidden]`. */
  readonly states: Float32Array;
  /** Of every position of the target, `[length, vocabulary]`. */
  readonly logits: Float32Array;
  /** What `generate` writes greedily, the first token included: 13 tokens a second, or up to and with the end. */
  readonly text: readonly number[];
}

/** Its Hugging Face folder, which is not to be built in: see `test/fixtures/make_speech.py`. */
export const MOONSHINE_FOLDER = fileURLToPath(new URL('../../../test/fixtures/moonshine/', import.meta.url));

export async function readMoonshineFixture(): Promise<{
  readonly config: Readonly<Record<string, unknown>>;
  readonly runs: readonly MoonshineRun[];
}> {
  const read = async <T>(name: string): Promise<T> =>
    JSON.parse(await readFile(path.join(MOONSHINE_FOLDER, name), 'utf8')) as T;
  type Stored = Pick<MoonshineRun, 'target' | 'text'> &
    Readonly<Record<'seed' | 'samples', number> & Record<'states' | 'logits', string>>;
  const { runs } = await read<{ runs: readonly Stored[] }>('expected.json');
  return {
    config: await read('config.json'),
    runs: runs.map(({ seed, samples, target, text, states, logits }) => ({
      sound: madeUpSound({ bins: 1, frames: samples }, seed),
      target,
      text,
      states: fixtureFloats(states),
      logits: fixtureFloats(logits),
    })),
  };
}
