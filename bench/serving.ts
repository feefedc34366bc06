/**
 * What serving costs: decode tokens/s over HTTP, with streaming clients in a process of their own, against the bare runtime loop at the
 * same batch size, on the same session and cache. Both sides take turns in every round.
 *
 * Run: `npm run bench:serving`
 */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Engine } from '../src/engine/engine.js';
import type { Decoder } from '../src/model/decoder.js';
import { loadDecoder } from '../src/model/load-decoder.js';
import { Registry } from '../src/registry/registry.js';
import type { GenerationModel } from '../src/registry/types.js';
import { Environment } from '../src/runtime/index.js';
import { createServer } from '../src/server.js';
import { loadTokenizer } from '../src/text/tokenizer.js';
import { EventLoopDelay } from './support/event-loop-delay.js';
import { SMOLLM2_135M, writeRandomLlama } from './support/random-model.js';
import { median, quantile } from './support/statistics.js';

const CLIENTS = [1, 4, 8, 16];
const ROUNDS = 5;
const PROMPT_TOKENS = 32;
const TOKENS = 64;

interface Stream {
  readonly started: number;
  readonly arrivals: number[];
}

/** Tokens/s of decode runs alone. */
async function bareLoop(decoder: Decoder, rows: number): Promise<number> {
  const ids = Array.from({ length: rows }, (_, row) => 300 + row);
  const started = performance.now();
  for (let i = 0; i < TOKENS; i++)
    await decoder.decode(
      ids,
      ids.map(() => PROMPT_TOKENS + i),
    );
  return (rows * TOKENS * 1000) / (performance.now() - started);
}

async function streamOverHttp(url: string, model: string, clients: number): Promise<Stream[]> {
  const script = fileURLToPath(new URL('support/streaming-clients.js', import.meta.url));
  const args = [script, url, model, clients, PROMPT_TOKENS, TOKENS].map(String);
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout) as Stream[];
}

/** Tokens/s while all streams were under way: after the last one's first token, before the first one's end. */
function decodeRate(streams: readonly Stream[]): number {
  const begin = Math.max(...streams.map(({ arrivals }) => arrivals[0]!));
  const end = Math.min(...streams.map(({ arrivals }) => arrivals.at(-1)!));
  const tokens = streams.flatMap(({ arrivals }) => arrivals).filter(at => at > begin && at <= end).length;
  return (tokens * 1000) / (end - begin);
}

const folder = await writeRandomLlama(join(tmpdir(), 'kvasir-bench', 'smollm2-135m'), SMOLLM2_135M);
const tokenizer = await loadTokenizer(folder);
const { decoder } = await loadDecoder(new Environment(), folder, { slots: Math.max(...CLIENTS) });
const engine = new Engine(decoder, tokenizer);
const model: GenerationModel = {
  kind: 'generation',
  id: 'smollm2-135m',
  created: 0,
  tokenizer,
  contextLength: engine.contextLength,
  engine,
  eosIds: new Set([1]),
  bosId: 0,
  close: () => engine.close(),
};
const server = await createServer({ registry: new Registry([model]) });
const url = await server.listen({ host: '127.0.0.1', port: 0 });

console.log(`SmolLM2-135M shape, f32, ${PROMPT_TOKENS} + ${TOKENS} tokens, medians of ${ROUNDS} rounds`);
console.log('clients   bare tokens/s   HTTP tokens/s   ratio (min-max)       event loop p99');
for (const clients of CLIENTS) {
  const bare: number[] = [];
  const http: number[] = [];
  const delays: number[] = [];
  await bareLoop(decoder, clients);
  await streamOverHttp(url, model.id, clients);
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await bareLoop(decoder, clients));
    const watch = new EventLoopDelay();
    watch.start();
    http.push(decodeRate(await streamOverHttp(url, model.id, clients)));
    delays.push(...watch.stop());
  }
  const ratios = http.map((rate, i) => rate / bare[i]!);
  console.log(
    [
      String(clients).padStart(7),
      median(bare).toFixed(0).padStart(15),
      median(http).toFixed(0).padStart(15),
      `${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(3)}-${Math.max(...ratios).toFixed(3)})`.padStart(
        22,
      ),
      `${quantile(delays, 0.99).toFixed(1)} ms`.padStart(17),
    ].join(' '),
  );
}
await server.close();
await engine.close();
