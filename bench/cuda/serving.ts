/**
 * Part of `bench/cuda.ts`: tokens/s of `kvasir serve` with streaming clients, and how long they wait.
 *
 * Arguments: device, folder of the model, precision, kind of cache, `graphs` or `no-graphs`, slots. Prints JSON.
 */
import { fileURLToPath } from 'node:url';
import { ClientProcess } from '../support/client-process.js';
import { ServerProcess } from '../support/server-process.js';
import { p50AndP95 } from '../support/statistics.js';
import { gaps, overallRate, steadyRate } from '../support/streams.js';

export interface ServingFigures {
  readonly promptTokens: number;
  readonly tokens: number;
  readonly loads: readonly {
    readonly clients: number;
    /** Tokens/s from the first request to the last token, prompts included, and while all streams were under way. */
    readonly overall: number;
    readonly steady: number;
    /** Milliseconds, p50 and p95. */
    readonly firstToken: readonly [number, number];
    readonly between: readonly [number, number];
  }[];
}

const CLIENTS = [1, 8, 32, 64];
const [PROMPT_TOKENS, TOKENS] = [128, 192];

const [device, folder, precision, cache] = process.argv.slice(2) as [string, string, string, string];
const graphs = process.argv[6] !== 'no-graphs';
const slots = Number(process.argv[7] ?? 64);
const command = fileURLToPath(new URL('../../src/cli/kvasir.cjs', import.meta.url));
const options = {
  device,
  precision,
  'kv-cache': cache,
  slots,
  'context-length': 2048,
  'log-level': 'error',
};
const server = await ServerProcess.start(
  'Kvasir',
  process.execPath,
  port => [
    command,
    'serve',
    `model=${folder}`,
    ...(graphs ? [] : ['--no-cuda-graphs']),
    ...Object.entries({ ...options, port }).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ],
  '/health/ready',
);
const clients = new ClientProcess();
let salt = 0;
const stream = (count: number): ReturnType<ClientProcess['run']> =>
  clients.run({
    url: server.url,
    model: 'model',
    clients: count,
    promptTokens: PROMPT_TOKENS,
    tokens: TOKENS,
    salt: ++salt,
  });
const loads: ServingFigures['loads'][number][] = [];
try {
  for (const count of [64, 64]) await stream(Math.min(count, slots));
  for (const count of CLIENTS.filter(number => number <= slots)) {
    const streams = await stream(count);
    loads.push({
      clients: count,
      overall: overallRate(streams),
      steady: steadyRate(streams),
      firstToken: p50AndP95(streams.map(({ started, arrivals }) => arrivals[0]! - started)),
      between: p50AndP95(gaps(streams)),
    });
  }
} finally {
  clients.close();
  await server.close();
}
console.log(JSON.stringify({ promptTokens: PROMPT_TOKENS, tokens: TOKENS, loads } satisfies ServingFigures));
