/**
 * What serving costs: decode tokens/s over HTTP, with streaming clients in a process of their own, against the bare runtime loop at the
 * same batch size and positions, on the same session and cache. Both sides take turns in every round.
 *
 * Run: `npm run bench:serving`
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine } from '#engine/engine.js';
import type { Decoder } from '#model/decoder/contract.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import { Registry } from '#registry/registry.js';
import { generationModel } from '#registry/models.js';
import { Environment } from '#runtime/index.js';
import { createServer } from '#server.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { ClientProcess } from './support/client-process.js';
import { EventLoopDelay } from './support/event-loop-delay.js';
import { SMOLLM2_135M, writeRandomLlama } from './support/random-model.js';
import { median, quantile } from './support/statistics.js';
import { steadyRate, steadyTokens, steadyWindow, type ObservedStream } from './support/streams.js';
import { latestTokens, run } from '#test/support/run-decoder.js';

const CLIENTS = [1, 4, 8, 16];
const ROUNDS = 9;
const PROMPT_TOKENS = 32;
const TOKENS = 96;

/** What was decoded while all streams were under way: after the last one's first token, before the first one's end. */
interface Window {
  /** Tokens that the cache held of each stream at its beginning. */
  readonly cached: readonly number[];
  readonly steps: number;
  /** Tokens/s. */
  readonly rate: number;
}

function windowOf(streams: readonly ObservedStream[]): Window {
  const { begin } = steadyWindow(streams);
  const filled = (arrivals: readonly number[]): number => arrivals.filter(at => at <= begin).length - 1;
  return {
    cached: streams.map(({ arrivals }) => PROMPT_TOKENS + filled(arrivals)),
    steps: Math.round(steadyTokens(streams) / streams.length),
    rate: steadyRate(streams),
  };
}

/** Tokens/s of decode runs alone, over the same rows and positions. */
async function bareRate(decoder: Decoder, { cached, steps }: Window): Promise<number> {
  const ids = cached.map((_, row) => 300 + row);
  const started = performance.now();
  for (let step = 0; step < steps; step++)
    await run(
      decoder,
      latestTokens(
        ids,
        cached.map(length => length + step),
      ),
    );
  return (cached.length * steps * 1000) / (performance.now() - started);
}

const folder = await writeRandomLlama(join(tmpdir(), 'kvasir-bench', 'smollm2-135m'), SMOLLM2_135M);
const tokenizer = await loadTokenizer(folder);
const { decoder } = await loadDecoder(new Environment(), folder, { slots: Math.max(...CLIENTS) });
const engine = new Engine(decoder, tokenizer);
const model = generationModel({
  id: 'smollm2-135m',
  tokenizer,
  engine,
  eosIds: new Set([1]),
  bosId: 0,
});
const server = await createServer({ registry: new Registry([model]) });
const url = await server.listen({ host: '127.0.0.1', port: 0 });
const clientProcess = new ClientProcess();
const streamOverHttp = (clients: number): Promise<ObservedStream[]> =>
  clientProcess.run({ url, model: model.id, clients, promptTokens: PROMPT_TOKENS, tokens: TOKENS });

console.log(`SmolLM2-135M shape, f32, ${PROMPT_TOKENS} + ${TOKENS} tokens, medians of ${ROUNDS} rounds`);
console.log('clients   bare tokens/s   HTTP tokens/s   ratio (min-max)       event loop p99');
// Compiles what every token passes through, as hours of serving do.
for (let i = 0; i < 3; i++) await streamOverHttp(Math.max(...CLIENTS));
for (const clients of CLIENTS) {
  const bare: number[] = [];
  const http: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const window = windowOf(await streamOverHttp(clients));
    http.push(window.rate);
    bare.push(await bareRate(decoder, window));
  }
  // In rounds of its own: its timer takes time from the runs.
  const watch = new EventLoopDelay();
  watch.start();
  await streamOverHttp(clients);
  const delays = watch.stop();
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
clientProcess.close();
await server.close();
await engine.close();
