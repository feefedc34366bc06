/**
 * A GGUF file in Kvasir, as it is stored, against the same file in llama.cpp's server, over HTTP: tokens/s of 1, 4, 8 and 16 streams, prompts of 512
 * tokens, and how long a server takes from its start until it is ready. Whoever does not have its turn is stopped.
 *
 * Run: `KVASIR_BENCH_LLAMA=/path/to/llama.cpp/build/bin npm run bench:gguf -- MODEL.gguf [rounds [precisions]]`. Of precisions other than `stored`
 * the weights are quantized anew. Appends to `bench/results/gguf.md`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClientProcess } from './support/client-process.js';
import { ServerProcess } from './support/server-process.js';
import { median } from './support/statistics.js';
import { overallRate } from './support/streams.js';

const CLIENTS = [1, 4, 8, 16];
const SLOTS = Math.max(...CLIENTS);
const CONTEXT = 1024;
const [PROMPT_TOKENS, TOKENS, PREFILL_TOKENS] = [32, 64, 512];

const { KVASIR_BENCH_LLAMA: llama } = process.env;
const [file, roundsGiven = '3', precisionsGiven = 'stored'] = process.argv.slice(2);
if (llama === undefined || file === undefined)
  throw new Error('KVASIR_BENCH_LLAMA names the folder of llama-server, and the first argument a GGUF file');
const rounds = Number(roundsGiven);
const precisions = precisionsGiven.split(',');
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

interface Side {
  readonly name: string;
  readonly server: ServerProcess;
  /** Seconds until it was ready. */
  readonly loading: number;
}

async function timed(name: string, start: () => Promise<ServerProcess>): Promise<Side> {
  const began = performance.now();
  const server = await start();
  return { name, server, loading: (performance.now() - began) / 1000 };
}

function kvasir(path: string, precision: string): Promise<Side> {
  const args = [here('../src/cli/kvasir.cjs'), 'serve', `model=${path}`, '--precision', precision];
  args.push('--slots', String(SLOTS), '--context-length', String(CONTEXT), '--log-level', 'error');
  return timed(`Kvasir ${precision}`, () =>
    ServerProcess.start(
      'Kvasir',
      process.execPath,
      port => [...args, '--port', String(port)],
      '/health/ready',
    ),
  );
}

function llamaServer(path: string): Promise<Side> {
  const threads = String(availableParallelism());
  const args = ['-m', path, '-c', String(SLOTS * CONTEXT), '-np', String(SLOTS), '-t', threads];
  return timed('llama.cpp', () =>
    ServerProcess.start(
      'llama.cpp',
      join(llama!, 'llama-server'),
      port => [...args, '--host', '127.0.0.1', '--port', String(port), '--alias', 'model'],
      '/health',
    ),
  );
}

const clients = new ClientProcess();
let salt = 0;

/** Tokens/s: of the answers, or of a prompt where only one token is asked for. */
async function measure(
  { server }: Side,
  count: number,
  promptTokens: number,
  tokens: number,
): Promise<number> {
  server.resume();
  const load = { url: server.url, model: 'model', clients: count, promptTokens, tokens, salt: ++salt };
  const streams = await clients.run(load);
  server.pause();
  if (tokens > 1) return overallRate(streams);
  const [{ started, arrivals }] = streams as [(typeof streams)[number]];
  return (promptTokens * 1000) / (arrivals[0]! - started);
}

const folder = await mkdtemp(join(tmpdir(), 'kvasir-bench-gguf-'));
const path = join(folder, basename(file));
await copyFile(file, path);
const sides: Side[] = [];
const again: number[] = [];
for (const precision of precisions) {
  sides.push(await kvasir(path, precision));
  sides.at(-1)!.server.pause();
}
sides.push(await llamaServer(path));
sides.at(-1)!.server.pause();
for (const precision of precisions) {
  const { server, loading } = await kvasir(path, precision);
  again.push(loading);
  await server.close();
}

const loads = [
  ...CLIENTS.map(
    count => [`${count} client${count > 1 ? 's' : ''}, tokens/s`, count, PROMPT_TOKENS, TOKENS] as const,
  ),
  [`a prompt of ${PREFILL_TOKENS}, tokens/s`, 1, PREFILL_TOKENS, 1] as const,
];
const lines: string[] = [];
const theirs = sides.at(-1)!;
for (const [name, count, promptTokens, tokens] of loads) {
  const rates = sides.map((): number[] => []);
  for (let round = -1; round < rounds; round++)
    for (let turn = 0; turn < sides.length; turn++) {
      const at = round % 2 === 0 ? turn : sides.length - 1 - turn;
      const rate = await measure(sides[at]!, count, promptTokens, tokens);
      // The first round warms up.
      if (round >= 0) rates[at]!.push(rate);
    }
  const peer = rates.at(-1)!;
  const own = rates.slice(0, -1).flatMap(side => {
    const times = side.map((rate, round) => rate / peer[round]!);
    const [least, most] = [Math.min(...times), Math.max(...times)].map(ratio => ratio.toFixed(2));
    return [median(side).toFixed(0), `**${median(times).toFixed(2)}** (${least}–${most})`];
  });
  lines.push(`| ${[name, median(peer).toFixed(0), ...own].join(' | ')} |`);
  console.log(lines.at(-1));
}
for (const { server } of sides) {
  server.resume();
  await server.close();
}
clients.close();
await rm(folder, { recursive: true });

const told = spawnSync(join(llama, 'llama-server'), ['--version'], { encoding: 'utf8' });
const version = /version: \S+/.exec(told.stdout + told.stderr)?.[0];
const loading = sides
  .slice(0, -1)
  .map(
    ({ name, loading: first }, i) =>
      `${name} ${first.toFixed(1)} s (${again[i]!.toFixed(1)} s when built before)`,
  )
  .join(', ');
const columns = precisions.flatMap(precision => [`Kvasir ${precision}`, 'times']);
const section = `## ${basename(file)}

llama.cpp${version === undefined ? '' : `, ${version}`}; ${cpus()[0]!.model}, ${availableParallelism()} cores; ${rounds} rounds in turns, medians, and medians of the rounds' ratios; prompts of ${PROMPT_TOKENS} tokens, answers of ${TOKENS}. From the start until it is ready: ${loading}, llama.cpp ${theirs.loading.toFixed(1)} s.

| | llama.cpp | ${columns.join(' | ')} |
| --- | --: | ${columns.map(() => '--:').join(' | ')} |
${lines.join('\n')}
`;
const results = here('../../bench/results/gguf.md');
const head = `# GGUF files: Kvasir and llama.cpp

\`npm run bench:gguf -- MODEL.gguf ${rounds} ${precisions.join(',')}\`: the same file, both servers over HTTP.
`;
const before = existsSync(results) ? await readFile(results, 'utf8') : head;
await writeFile(results, `${before}\n${section}`);
console.log(section);
