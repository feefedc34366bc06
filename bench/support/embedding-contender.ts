/**
 * One contender of the encoders' benchmark, in a process of its own: clients that each send their next text when they have the vector of
 * the last one.
 *
 * Arguments: contender, model folder. Messages: {@link Measure}, answered by {@link Measured}.
 */
import { cpus } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { batched } from '#batching/batched.js';
import { BatchingEncoder } from '#batching/batching-encoder.js';
import { seededRandom } from '#test/support/seeded-random.js';
import type { Encoder, EncoderInput, EncoderOutput } from '#model/encoder/contract.js';
import { loadEncoder } from '#registry/load-encoder.js';
import { Environment } from '#runtime/index.js';
import { randomText } from './random-encoder.js';

export interface Measure {
  readonly clients: number;
  readonly seconds: number;
  readonly seed: number;
}

export interface Measured {
  readonly texts: number;
  readonly seconds: number;
  /** Processor time that the process took, over all cores: it tells more than the clock where others use the machine, too. */
  readonly cpuSeconds: number;
  /** Share of padding in the batches, where the contender tells it. */
  readonly padding: number | undefined;
}

type Embed = (text: string) => Promise<unknown>;

/** A contender: what makes a text's vector, and how many tokens and padding went into that. */
interface Contender {
  readonly embed: Embed;
  readonly counts?: () => { readonly tokens: number; readonly padding: number };
}

const [SHORTEST, LONGEST] = [8, 256];

/** @param lanes batches that run at once; undefined: as the server does. */
async function kvasir(folder: string, precision: 'f32' | 'int8', lanes?: number): Promise<Contender> {
  const session = { spinning: process.env.KVASIR_BENCH_SPINNING === '1' };
  const batching = lanes === undefined ? {} : { concurrency: lanes };
  const model = await loadEncoder(new Environment(), folder, { precision, session, batching });
  return {
    embed: text => model.encoder.encode([{ ids: model.tokenizer.encode(text) }]),
    counts: () => model.encoder.stats(),
  };
}

type Extractor = (
  texts: string[],
  options: object,
) => Promise<{ readonly data: Float32Array; dispose(): void }>;

interface TransformersJs {
  readonly env: { localModelPath: string; allowRemoteModels: boolean };
  readonly pipeline: (task: string, model: string, options: object) => Promise<Extractor>;
}

/** The package that an environment variable names, with the options of a session that suit a machine with something else to do. */
async function transformersJs(folder: string): Promise<(texts: string[]) => Promise<Float32Array[]>> {
  const path = process.env.KVASIR_BENCH_TRANSFORMERS;
  if (path === undefined)
    throw new Error('KVASIR_BENCH_TRANSFORMERS names no folder of @huggingface/transformers');
  const entry = pathToFileURL(join(path, 'dist/transformers.node.mjs')).href;
  const { env, pipeline } = (await import(entry)) as TransformersJs;
  env.localModelPath = dirname(folder);
  env.allowRemoteModels = false;
  const spinning = process.env.KVASIR_BENCH_SPINNING === '1';
  const extractor = await pipeline('feature-extraction', basename(folder), {
    dtype: 'fp32',
    session_options: {
      intraOpNumThreads: cpus().length,
      ...(!spinning && { extra: { session: { intra_op: { allow_spinning: '0' } } } }),
    },
  });
  return async texts => {
    const tensor = await extractor(texts, { pooling: 'mean', normalize: true });
    const width = tensor.data.length / texts.length;
    const vectors = texts.map((_, i) => tensor.data.slice(i * width, (i + 1) * width));
    tensor.dispose();
    return vectors;
  };
}

/** Runs whatever waits in one padded batch of at most `limit` texts. */
function batchWaiting(extract: (texts: string[]) => Promise<unknown[]>, limit: number): Embed {
  let waiting: { text: string; resolve: (value: unknown) => void }[] = [];
  let running = false;
  const pump = async (): Promise<void> => {
    running = true;
    // Whoever asks in this turn of the event loop comes along.
    await new Promise(resolve => setImmediate(resolve));
    while (waiting.length > 0) {
      const batch = waiting.splice(0, limit);
      const vectors = await extract(batch.map(({ text }) => text));
      batch.forEach(({ resolve }, i) => resolve(vectors[i]));
      await new Promise(resolve => setImmediate(resolve));
    }
    running = false;
  };
  return text =>
    new Promise(resolve => {
      waiting = [...waiting, { text, resolve }];
      if (!running) void pump();
    });
}

/** Batches by length, as Kvasir does, but runs them in transformers.js. */
function batchByLength(extract: (texts: string[]) => Promise<Float32Array[]>): Contender {
  const texts = new WeakMap<EncoderInput, string>();
  const encoder: Encoder = {
    task: 'embedding',
    contextLength: Infinity,
    width: 0,
    vocabularySize: Infinity,
    segments: 1,
    run: async (inputs: readonly EncoderInput[]): Promise<EncoderOutput[]> => {
      const vectors = await extract(inputs.map(input => texts.get(input)!));
      return vectors.map(values => ({ values, rows: 1, width: values.length }));
    },
    abort: () => undefined,
    dispose: () => undefined,
  };
  const service = new BatchingEncoder(batched({ texts: encoder }));
  return {
    embed: text => {
      // The words are one token each.
      const input = { ids: new Array<number>(text.split(' ').length + 2).fill(0) };
      texts.set(input, text);
      return service.encode([input]);
    },
    counts: () => service.stats(),
  };
}

async function open(name: string, folder: string): Promise<Contender> {
  switch (name) {
    case 'kvasir f32':
      return kvasir(folder, 'f32');
    case 'kvasir f32, one batch at once':
      return kvasir(folder, 'f32', 1);
    case 'kvasir int8':
      return kvasir(folder, 'int8');
    case 'transformers.js one by one':
      return { embed: batchWaiting(await transformersJs(folder), 1) };
    case 'transformers.js batched':
      return { embed: batchWaiting(await transformersJs(folder), 32) };
    case 'transformers.js by length':
      return batchByLength(await transformersJs(folder));
    default:
      throw new Error(`no contender '${name}'`);
  }
}

async function measure({ embed, counts }: Contender, { clients, seconds, seed }: Measure): Promise<Measured> {
  const random = seededRandom(seed);
  const nextText = (): string =>
    randomText(SHORTEST + Math.floor(random() * (LONGEST - SHORTEST + 1)), random);
  const before = counts?.();
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const end = started + seconds * 1000;
  let texts = 0;
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      await embed(nextText());
      texts++;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const after = counts?.();
  const { user, system } = process.cpuUsage(cpuBefore);
  const took = {
    texts,
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: (user + system) / 1e6,
  };
  if (before === undefined || after === undefined) return { ...took, padding: undefined };
  const [tokens, padding] = [after.tokens - before.tokens, after.padding - before.padding];
  return { ...took, padding: padding / (tokens + padding) };
}

const [name, folder] = process.argv.slice(2) as [string, string];
const contender = await open(name, folder);
await contender.embed(randomText(16, seededRandom(1)));
process.on('message', (message: Measure) => {
  void measure(contender, message).then(measured => process.send?.(measured));
});
process.send?.('ready');
