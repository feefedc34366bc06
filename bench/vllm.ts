/**
 * Kvasir against vLLM's build for processors, over HTTP, with the same weights on the same cores. All servers are
 * up from the beginning; whoever does not have its turn is stopped. Every load has prompts of its own: both sides
 * keep prefixes.
 *
 * Run: `KVASIR_BENCH_VLLM=/path/to/its/virtual/environment npm run bench:vllm [-- rounds [model folder]]`
 *
 * Without a folder, the weights are random, in the shape of SmolLM2-135M. Writes `bench/results/vllm.md`.
 */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '#test/support/seeded-random.js';
import { ClientProcess } from './support/client-process.js';
import { SMOLLM2_135M, writeRandomLlama } from './support/random-model.js';
import { ServerProcess } from './support/server-process.js';
import { median, p50AndP95 } from './support/statistics.js';
import { gaps, type ObservedStream } from './support/streams.js';

const SLOTS = 32;
const CONTEXT = 2048;
const rounds = Number(process.argv[2] ?? 5);
const venv = process.env.KVASIR_BENCH_VLLM;
if (venv === undefined) throw new Error('KVASIR_BENCH_VLLM names the virtual environment of vLLM');
const folder =
  process.argv[3] ?? (await writeRandomLlama(join(tmpdir(), 'kvasir-bench', 'smollm2-135m'), SMOLLM2_135M));

interface Load {
  readonly name: string;
  readonly clients: number;
  readonly lengths: readonly { readonly promptTokens: number; readonly tokens: number }[];
}

/** All clients alike. */
function equal(clients: number, promptTokens: number, tokens: number): Load {
  return {
    name: `${promptTokens} tokens of prompt, ${tokens} of answer, ${clients} client${clients > 1 ? 's' : ''}`,
    clients,
    lengths: Array.from({ length: clients }, () => ({ promptTokens, tokens })),
  };
}

/** Lengths as people's chats have them: log-normal, medians of 120 and 150, some ten times as long. */
function mixed(clients: number): Load {
  const random = seededRandom(17);
  const draw = (typical: number, spread: number, most: number): number => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(4, Math.min(most, Math.round(typical * Math.exp(spread * normal))));
  };
  const lengths = Array.from({ length: clients }, () => {
    return { promptTokens: draw(120, 1.1, 1500), tokens: draw(150, 0.7, 500) };
  });
  return { name: `a mix of lengths, ${clients} clients`, clients, lengths };
}

const LOADS = [
  ...[1, 8, 16, 32].map(clients => equal(clients, 67, 200)),
  ...[1, 16].map(clients => equal(clients, 870, 64)),
  mixed(32),
];

/** What a load came to: tokens/s of whole requests, and ms to the first token and between tokens. */
interface Measurement {
  readonly rate: number;
  readonly first: number;
  readonly between: number;
}

const KVASIR = ['f32', 'int8', 'w8a8'] as const;
const VLLM = { f32: 'float32', bf16: 'bfloat16' } as const;

async function startKvasir(precision: string): Promise<ServerProcess> {
  const command = join(dirname(fileURLToPath(import.meta.url)), '../src/cli/kvasir.cjs');
  const options = ['--precision', precision, '--slots', String(SLOTS), '--context-length', String(CONTEXT)];
  const args = [command, 'serve', `model=${folder}`, ...options, '--log-level', 'error'];
  return ServerProcess.start(
    `Kvasir ${precision}`,
    process.execPath,
    port => [...args, '--port', String(port)],
    '/health/ready',
  );
}

async function startVllm(precision: keyof typeof VLLM): Promise<ServerProcess> {
  const options = [
    '--dtype',
    VLLM[precision],
    '--max-model-len',
    String(CONTEXT),
    '--max-num-seqs',
    String(SLOTS),
  ];
  return ServerProcess.start(
    `vLLM ${precision}`,
    join(venv!, 'bin/vllm'),
    port => ['serve', folder, '--served-model-name', 'model', ...options, '--port', String(port)],
    '/health',
    {
      VLLM_TARGET_DEVICE: 'cpu',
      HF_HUB_OFFLINE: '1',
      VLLM_NO_USAGE_STATS: '1',
      VLLM_CPU_KVCACHE_SPACE: '2',
      VLLM_CPU_OMP_THREADS_BIND: `0-${availableParallelism() - 1}`,
      VLLM_CPU_NUM_OF_RESERVED_CPU: '0',
      LD_PRELOAD: join(venv!, 'lib/libiomp5.so'),
    },
  );
}

const clients = new ClientProcess();
let salt = 0;

async function measure(server: ServerProcess, { clients: count, lengths }: Load): Promise<Measurement> {
  const load = { url: server.url, model: 'model', clients: count, promptTokens: 0, tokens: 0, lengths };
  const streams: ObservedStream[] = await clients.run({ ...load, salt: ++salt });
  const begin = Math.min(...streams.map(({ started }) => started));
  const end = Math.max(...streams.map(({ arrivals }) => arrivals.at(-1)!));
  // An event may have several tokens.
  const tokens = lengths.reduce((sum, length) => sum + length.tokens, 0);
  return {
    rate: (tokens * 1000) / (end - begin),
    first: p50AndP95(streams.map(({ started, arrivals }) => arrivals[0]! - started))[0],
    between: p50AndP95(gaps(streams))[1],
  };
}

const servers: ServerProcess[] = [];
const start = async (server: Promise<ServerProcess>): Promise<void> => {
  servers.push(await server);
  servers.at(-1)!.pause();
};
for (const precision of KVASIR) await start(startKvasir(precision));
for (const precision of ['f32', 'bf16'] as const) await start(startVllm(precision));

const results = servers.map(() => LOADS.map((): Measurement[] => []));
const version = execFileSync(join(venv, 'bin/python'), ['-c', 'import vllm; print(vllm.__version__)'])
  .toString()
  .trim()
  .split('\n')
  .at(-1);
const page = fileURLToPath(new URL('../../bench/results/vllm.md', import.meta.url));
const header = (unit: string): string[] => [
  `| ${unit} | ${servers.map(({ name }) => name).join(' | ')} |`,
  `| --- | ${servers.map(() => '--:').join(' | ')} |`,
];
const table = (unit: string, of: (measurement: Measurement) => number): string[] => [
  ...header(unit),
  ...LOADS.map(({ name }, i) => {
    const values = results.map(side => median(side[i]!.map(of)));
    return `| ${name} | ${values.map(value => value.toPrecision(3)).join(' | ')} |`;
  }),
  '',
];
/** Medians of the ratios within a round. */
const ratios = (): string[] => {
  const pairs = [
    ['Kvasir f32', 'vLLM f32'],
    ['Kvasir int8', 'vLLM bf16'],
    ['Kvasir w8a8', 'vLLM bf16'],
  ] as const;
  const side = (name: string): Measurement[][] => results[servers.findIndex(server => server.name === name)]!;
  const ratio = (i: number, [a, b]: readonly [string, string], of: (m: Measurement) => number): string =>
    median(side(a)[i]!.map((own, round) => of(own) / of(side(b)[i]![round]!))).toFixed(2);
  return [
    `| times as fast | ${pairs.map(pair => pair.join(' / ')).join(' | ')} |`,
    `| --- | ${pairs.map(() => '--:').join(' | ')} |`,
    ...LOADS.flatMap((load, i) => [
      `| ${load.name} | ${pairs.map(pair => ratio(i, pair, ({ rate }) => rate)).join(' | ')} |`,
      ...(load.clients === 1
        ? [`| … first token | ${pairs.map(pair => ratio(i, pair, ({ first }) => 1 / first)).join(' | ')} |`]
        : []),
    ]),
    '',
  ];
};
function report(done: number): string {
  return [
    '# Kvasir and vLLM',
    '',
    `\`npm run bench:vllm\`: vLLM ${version} for processors, ${process.argv[3] === undefined ? 'random weights in the shape of SmolLM2-135M' : 'the weights that were given'}, ${cpus()[0]!.model}, ${availableParallelism()} cores, ${done} rounds in turns, medians. bfloat16 is what vLLM's users run on such processors; float32 is the like-for-like side.`,
    '',
    '## Tokens/s of whole requests',
    '',
    ...table('', ({ rate }) => rate),
    '## First token, ms',
    '',
    ...table('', ({ first }) => first),
    '## Between two tokens, p95, ms',
    '',
    ...table('', ({ between }) => between),
    '## Ratios, medians of the rounds',
    '',
    ...ratios(),
  ].join('\n');
}

for (let round = -1; round < rounds; round++) {
  for (let turn = 0; turn < servers.length; turn++) {
    const side = round % 2 === 0 ? turn : servers.length - 1 - turn;
    const server = servers[side]!;
    server.resume();
    for (const [i, load] of LOADS.entries()) {
      // The first round warms up.
      if (round < 0 && load.clients > 1 && load.clients < SLOTS) continue;
      const measurement = await measure(server, load);
      if (round >= 0) results[side]![i]!.push(measurement);
    }
    server.pause();
    console.error(`round ${round + 1} of ${rounds}: ${server.name}`);
  }
  // What was measured so far is not lost where a later round is broken off.
  if (round >= 0) await writeFile(page, report(round + 1));
}
clients.close();
for (const server of servers) {
  server.resume();
  await server.close();
}
console.log(report(rounds));
