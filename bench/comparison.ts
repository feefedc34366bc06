/**
 * Kvasir against its peers, on the same weights and the same machine, taking turns in every round.
 *
 * Run: `KVASIR_BENCH_LLAMA=/path/to/llama.cpp/build/bin npm run bench [-- rounds [precisions [shape]]]`
 *
 * llama.cpp's `llama-server` and `llama-quantize` are needed; the npm package node-llama-cpp has their sources in
 * `llama/gitRelease.bundle`. With KVASIR_BENCH_TRANSFORMERS, the path of an installed `@huggingface/transformers`, its batched generation is
 * measured as well. Writes `bench/results/comparison.md` and a plot, with the shape in their names where it is another than the default.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { report, type Comparison, type Measurement, type MixedLoad } from './support/comparison-report.js';
import { ClientProcess } from './support/client-process.js';
import { writeExported } from './support/exported-model.js';
import { writeGguf } from './support/gguf.js';
import { QWEN25_0_5B, SMOLLM2_135M, writeRandomLlama, type LlamaSizes } from './support/random-model.js';
import { ServerProcess } from './support/server-process.js';
import { median, p50AndP95 } from './support/statistics.js';
import { gaps, overallRate, type ObservedStream } from './support/streams.js';
import { TransformersProcess } from './support/transformers-process.js';

const run = promisify(execFile);
const CLIENTS = [1, 4, 8, 16, 32];
const SLOTS = Math.max(...CLIENTS);
const CONTEXT = 2048;
const PROMPT_TOKENS = 32;
const TOKENS = 64;
const PREFILL_TOKENS = 512;
/** Rows of transformers.js. */
const BATCH = 8;
const MIXED = { streams: 8, tokens: 160, prompts: 4, promptTokens: 1024, promptEvery: 1500 };

const DEFAULT_SHAPE = 'SmolLM2-135M';
const SHAPES: Readonly<Record<string, LlamaSizes>> = {
  [DEFAULT_SHAPE]: SMOLLM2_135M,
  'Qwen2.5-0.5B': QWEN25_0_5B,
};

const rounds = Number(process.argv[2] ?? 5);
const precisions = (process.argv[3] ?? 'f32,int8,w8a8,int4').split(',');
const shape = process.argv[4] ?? DEFAULT_SHAPE;
const sizes = SHAPES[shape];
if (sizes === undefined) throw new Error(`shapes are ${Object.keys(SHAPES).join(', ')}`);
const llama = process.env.KVASIR_BENCH_LLAMA;
if (llama === undefined) throw new Error('KVASIR_BENCH_LLAMA names the folder of llama-server');

const base = join(tmpdir(), 'kvasir-bench');
const files = shape.toLowerCase();
const folder = await writeRandomLlama(join(base, files), sizes);
const clients = new ClientProcess();
const others = new ClientProcess();
let salt = 0;

/** The file that llama.cpp is given for a precision of Kvasir's: with the same bits. */
async function gguf(precision: string): Promise<string> {
  const whole = join(base, `${files}.f32.gguf`);
  if (!existsSync(whole)) await writeGguf(folder, whole);
  if (precision === 'f32') return whole;
  const path = join(base, `${files}.${precision}.gguf`);
  const type = precision === 'int4' ? 'Q4_0' : 'Q8_0';
  if (!existsSync(path)) await run(join(llama!, 'llama-quantize'), [whole, path, type]);
  return path;
}

async function startKvasir(precision: string): Promise<ServerProcess> {
  const command = join(dirname(fileURLToPath(import.meta.url)), '../src/cli/kvasir.cjs');
  const args = [command, 'serve', `model=${folder}`, '--precision', precision, '--slots', String(SLOTS)];
  return ServerProcess.start(
    'Kvasir',
    process.execPath,
    port => [...args, '--port', String(port), '--log-level', 'error'],
    '/health/ready',
  );
}

async function startLlama(precision: string): Promise<ServerProcess> {
  const file = await gguf(precision);
  const threads = String(availableParallelism());
  const args = ['-m', file, '-c', String(SLOTS * CONTEXT), '-np', String(SLOTS), '-t', threads];
  return ServerProcess.start(
    'llama.cpp',
    join(llama!, 'llama-server'),
    port => [...args, '--host', '127.0.0.1', '--port', String(port), '--alias', 'model'],
    '/health',
  );
}

function stream(
  server: ServerProcess,
  count: number,
  promptTokens: number,
  tokens: number,
  by = clients,
): Promise<ObservedStream[]> {
  return by.run({ url: server.url, model: 'model', clients: count, promptTokens, tokens, salt: ++salt });
}

async function measureDecode(server: ServerProcess, count: number): Promise<Measurement> {
  const streams = await stream(server, count, PROMPT_TOKENS, TOKENS);
  const firsts = streams.map(({ started, arrivals }) => arrivals[0]! - started);
  return {
    rate: overallRate(streams),
    firstToken: p50AndP95(firsts),
    between: p50AndP95(gaps(streams)),
  };
}

/** Prompt tokens/s of one long prompt. */
async function measurePrefill(server: ServerProcess): Promise<number> {
  const [only] = await stream(server, 1, PREFILL_TOKENS, 1);
  return (PREFILL_TOKENS * 1000) / (only!.arrivals[0]! - only!.started);
}

/** Some streams alone, and again while long prompts come in. */
async function measureMixed(server: ServerProcess): Promise<MixedLoad> {
  const long = async (): Promise<number[]> => {
    const firstTokens: number[] = [];
    for (let i = 0; i < MIXED.prompts; i++) {
      await sleep(MIXED.promptEvery);
      const [only] = await stream(server, 1, MIXED.promptTokens, 1, others);
      firstTokens.push(only!.arrivals[0]! - only!.started);
    }
    return firstTokens;
  };
  const alone = pauses(await stream(server, MIXED.streams, PROMPT_TOKENS, MIXED.tokens));
  const streaming = stream(server, MIXED.streams, PROMPT_TOKENS, MIXED.tokens);
  const [streams, firstTokens] = await Promise.all([streaming, long()]);
  return { alone, mixed: pauses(streams), firstToken: median(firstTokens) };
}

/** Between two tokens: p50, p95 and the longest. */
function pauses(streams: readonly ObservedStream[]): number[] {
  const all = gaps(streams);
  return [...p50AndP95(all), Math.max(...all)];
}

/** Tokens/s of a batch of some rows, all starting at once. */
async function measureTransformers(transformers: TransformersProcess, rows: number): Promise<number> {
  const ms = await transformers.generate({ rows, promptTokens: PROMPT_TOKENS, tokens: TOKENS });
  return (rows * TOKENS * 1000) / ms;
}

const comparisons: Comparison[] = [];
for (const precision of precisions) {
  const servers = [await startKvasir(precision), await startLlama(precision)];
  for (const server of servers)
    for (const count of [1, 8, SLOTS]) await stream(server, count, PROMPT_TOKENS, TOKENS);

  const transformers =
    precision === 'f32' && process.env.KVASIR_BENCH_TRANSFORMERS !== undefined
      ? await TransformersProcess.start(await writeExported(folder, join(base, `${files}-exported`)))
      : undefined;
  if (transformers !== undefined) await measureTransformers(transformers, BATCH);
  const [oneByOne, batched]: [number[], number[]] = [[], []];

  const decode = new Map(CLIENTS.map(count => [count, servers.map((): Measurement[] => [])]));
  const prefill = servers.map((): number[] => []);
  const mixed = servers.map((): MixedLoad[] => []);
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const count of CLIENTS)
      for (const i of order) decode.get(count)![i]!.push(await measureDecode(servers[i]!, count));
    if (transformers !== undefined) {
      oneByOne.push(await measureTransformers(transformers, 1));
      batched.push(await measureTransformers(transformers, BATCH));
    }
    for (const i of order) prefill[i]!.push(await measurePrefill(servers[i]!));
    for (const i of order) mixed[i]!.push(await measureMixed(servers[i]!));
    console.error(`${precision}: round ${round + 1} of ${rounds}`);
  }
  const memory = await Promise.all(servers.map(server => server.peakMemory()));
  for (const server of servers) await server.close();
  transformers?.close();
  comparisons.push({
    precision,
    decode: CLIENTS.map(count => ({ clients: count, sides: decode.get(count)! })),
    prefill,
    mixed: mixed.map(runs => ({
      alone: [0, 1, 2].map(q => median(runs.map(({ alone }) => alone[q]!))),
      mixed: [0, 1, 2].map(q => median(runs.map(run => run.mixed[q]!))),
      firstToken: median(runs.map(({ firstToken }) => firstToken)),
    })),
    memory,
    transformers: { clients: BATCH, oneByOne, batched },
  });
}
clients.close();
others.close();

const version = await run(join(llama, 'llama-server'), ['--version']).then(
  ({ stdout, stderr }) => /version: \S+/.exec(stdout + stderr)?.[0] ?? 'version unknown',
);
const name = shape === DEFAULT_SHAPE ? 'comparison' : `comparison-${files}`;
const { markdown, plot } = report(comparisons, {
  peer: `llama.cpp, ${version}`,
  rounds,
  promptTokens: PROMPT_TOKENS,
  tokens: TOKENS,
  prefillTokens: PREFILL_TOKENS,
  longPromptTokens: MIXED.promptTokens,
  shape,
  plot: `${name}.svg`,
});
const results = join(dirname(fileURLToPath(import.meta.url)), '../../bench/results');
await mkdir(results, { recursive: true });
await writeFile(join(results, `${name}.md`), markdown);
await writeFile(join(results, `${name}.svg`), plot);
console.log(markdown);
