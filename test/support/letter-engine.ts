import type { EngineOptions } from '#engine/engine-options.js';
import { Engine } from '#engine/engine.js';
import type { GenerationEvent, GenerationRequest } from '#engine/types.js';
import type { DecoderTraits, SoundShape } from '#model/decoder/contract.js';
import { FakeDecoder } from './fake-decoder.js';
import { letterTokenizer } from './letter-tokenizer.js';

export interface LetterEngineOptions {
  readonly slots?: number;
  readonly contextLength?: number;
  readonly next?: (tokens: readonly number[], source: readonly number[]) => number;
  /** Longest source; undefined: it attends to none. */
  readonly longestSource?: number;
  /** Of a decoder that hears: what its sources, all of the longest length, hold. */
  readonly sound?: SoundShape;
  readonly options?: Partial<EngineOptions>;
  readonly traits?: Partial<DecoderTraits>;
}

/** An engine that writes the alphabet on from the prompt's last letter, and the decoder beneath it. */
export function letterEngine(
  t: { teardown(close: () => Promise<void>): void },
  {
    slots = 2,
    contextLength = 64,
    next = following,
    longestSource,
    sound,
    options,
    traits,
  }: LetterEngineOptions = {},
): { engine: Engine; decoder: FakeDecoder } {
  const decoder = new FakeDecoder(slots, letterTokenizer.vocabularySize, contextLength, next);
  decoder.traits = { ...decoder.traits, ...traits };
  if (longestSource !== undefined)
    decoder.source = { longest: longestSource, vocabularySize: letterTokenizer.vocabularySize };
  if (sound !== undefined) decoder.hear(sound, longestSource ?? sound.frames);
  const engine = new Engine(decoder, letterTokenizer, options);
  t.teardown(() => engine.close());
  return { engine, decoder };
}

/** The letter after the last one. */
export const following = (tokens: readonly number[]): number => (tokens.at(-1)! + 1) % 26;
export const prompt = (text: string): number[] => letterTokenizer.encode(text);

export async function all(events: AsyncIterable<GenerationEvent>): Promise<GenerationEvent[]> {
  const list: GenerationEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

export async function text(engine: Engine, request: GenerationRequest): Promise<string> {
  let result = '';
  for await (const event of engine.generate(request)) if (event.type === 'delta') result += event.text;
  return result;
}

/** The token ids that were generated. */
export function ids(events: readonly GenerationEvent[]): number[] {
  return events.flatMap(event => (event.type === 'delta' ? event.tokens.map(({ id }) => id) : []));
}

/** Waits for so many steps of an engine, at least. */
export const steps = (count: number): Promise<void> =>
  new Promise(resolve => {
    const wait = (left: number): void => void (left > 0 ? setImmediate(wait, left - 1) : resolve());
    wait(count * 4);
  });
