/**
 * What a server survives: generated bodies for every route, slow clients, many connections that stream and leave without a word, and an
 * end while it is at work. It is a process of its own, watched through its metrics. Writes a summary.
 *
 * Run: `npm run bench:reliability`; arguments: requests (20000), seconds of aborted streams (120), connections (500), file.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { abortingClients } from './support/reliability/aborting-clients.js';
import { fuzz, type OpenApiDocument } from './support/reliability/fuzz.js';
import { ServedProcess, type Sample } from './support/reliability/served-process.js';
import { slowClients } from './support/reliability/slow-clients.js';
import { writeRandomLlama } from './support/random-model.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const [
  requests = '20000',
  seconds = '120',
  connections = '500',
  file = path.join(ROOT, 'bench/results/reliability.md'),
] = process.argv.slice(2);

const BLOCKS = 5;
const RECEIVE_TIMEOUT = 5;

/** As large as a model that writes a thousand tokens in a second on one core may be. */
const SIZES = {
  hidden_size: 48,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 320,
  max_position_embeddings: 512,
};

const TEMPLATE =
  '{% if tools %}<tool_call>{% endif %}{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}';

interface Check {
  readonly what: string;
  readonly found: string;
  /** Undefined where there is no wrong. */
  readonly sound: boolean | undefined;
}

const checks: Check[] = [];

function check(what: string, found: string, sound?: boolean): void {
  checks.push({ what, found, sound });
  console.log(`${sound === false ? 'NOT OK' : sound ? 'ok' : '--'}  ${what}: ${found}`);
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

/** Which model can do what a path is for. */
function modelOf(served: string): string {
  if (/classify|predict/.test(served)) return 'kvasir-sentiment-3m';
  return /embed|rank|score|similarity|infer/.test(served) ? 'kvasir-embed-4m' : 'writer';
}

/** Bodies for every route. */
async function fuzzRoutes(server: ServedProcess, models: readonly string[]): Promise<void> {
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApiDocument;
  const firstSeed = Math.floor(Math.random() * 2 ** 31);
  const statuses = new Map<number, number>();
  const faults: string[] = [];
  const memory: Sample[] = [];
  let operations = 0;
  const started = performance.now();
  for (let block = 0; block < BLOCKS; block++) {
    const result = await fuzz({
      url: server.url,
      document,
      models,
      modelOf,
      requests: Number(requests) / BLOCKS,
      seed: (firstSeed + 1000 * block) % 2 ** 31,
      concurrency: 16,
    });
    operations = result.operations;
    for (const [status, count] of result.statuses) statuses.set(status, (statuses.get(status) ?? 0) + count);
    faults.push(...result.faults);
    memory.push(await server.settle());
  }
  const total = [...statuses.values()].reduce((a, b) => a + b, 0);
  const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} times ${status}`);
  for (const fault of faults.slice(0, 20)) console.error(fault);
  check(
    `generated bodies (seed ${firstSeed}) for ${operations} routes in ${Math.round((performance.now() - started) / 1000)} s`,
    `${total} answers: ${counts.join(', ')}`,
    total >= Number(requests),
  );
  check('failures of the server, broken answers', String(faults.length), faults.length === 0);
  const [first, last] = [memory[0]!, memory.at(-1)!];
  check('still running or waiting', String(last.running + last.waiting), last.running + last.waiting === 0);
  check(
    `resident memory after each fifth of them`,
    memory.map(({ resident }) => megabytes(resident)).join(', '),
    last.resident < first.resident * 1.25 + 32 * 2 ** 20,
  );
}

/** Connections that send almost nothing. */
async function starve(server: ServedProcess): Promise<void> {
  const { cut, longest, latency } = await slowClients(server.port, 200);
  check(
    `slow connections cut off, with a limit of ${RECEIVE_TIMEOUT} s`,
    `${cut} of 200, the last after ${(longest / 1000).toFixed(1)} s`,
    cut === 200,
  );
  check(
    'time of an ordinary request meanwhile',
    `p50 ${latency.p50.toFixed(1)} ms, p95 ${latency.p95.toFixed(1)} ms`,
    latency.p95 < 1000,
  );
}

/** Streams that are left. */
async function abort(server: ServedProcess, before: Sample): Promise<void> {
  const seen: Sample[] = [];
  const timer = setInterval(() => void server.sample().then(sample => seen.push(sample)), 1000);
  const { streams, complete, refused, faults } = await abortingClients({
    port: server.port,
    model: 'writer',
    connections: Number(connections),
    milliseconds: Number(seconds) * 1000,
    seed: 1,
  });
  clearInterval(timer);
  const after = await server.settle();
  for (const fault of faults.slice(0, 20)) console.error(fault);
  const most = (value: (sample: Sample) => number): number => Math.max(...seen.map(value));
  check(
    `${connections} connections, streams begun and left in ${seconds} s`,
    `${streams}, of which ${complete} were read to their end and ${refused} refused with 429`,
    complete > 0,
  );
  check('wrong answers, streams that broke off', String(faults.length), faults.length === 0);
  check(
    'at most under way',
    `${most(s => s.running)} running, ${most(s => s.waiting)} waiting, ${Math.round(100 * most(s => s.cacheUse))}% of the KV cache, ${most(s => s.files)} files`,
  );
  check(
    'afterwards running, waiting, KV cache held',
    `${after.running}, ${after.waiting}, ${Math.round(after.cacheUse * 100)}%`,
    after.running + after.waiting + after.cacheUse === 0,
  );
  check(
    'open files, before and afterwards',
    `${before.files}, ${after.files}`,
    after.files <= before.files + 2,
  );
  check(
    'resident memory, before, at most and afterwards',
    [before.resident, most(s => s.resident), after.resident].map(megabytes).join(', '),
    after.resident < before.resident * 1.5 + 64 * 2 ** 20,
  );
  check(
    "JavaScript's heap, before and afterwards",
    `${megabytes(before.heap)}, ${megabytes(after.heap)}`,
    true,
  );
  const live = await fetch(`${server.url}/health/live`);
  check('/health/live', String(live.status), live.ok);
}

/** The end, while it is at work. */
async function drain(server: ServedProcess): Promise<void> {
  const streams = await Promise.all(
    Array.from({ length: 32 }, () =>
      fetch(`${server.url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'writer',
          prompt: 'a',
          max_tokens: 400,
          ignore_eos: true,
          stream: true,
        }),
      }),
    ),
  );
  const started = performance.now();
  server.terminate();
  const texts = await Promise.all(streams.map(stream => stream.text()));
  const whole = texts.filter(text => text.includes('"finish_reason":"length"')).length;
  const code = await server.exit;
  check(
    'streams that came to their end after SIGTERM, exit code, time',
    `${whole} of ${streams.length}, ${code}, ${((performance.now() - started) / 1000).toFixed(1)} s`,
    whole === streams.length && code === 0,
  );
}

async function writeSummary(): Promise<void> {
  const table = checks.map(
    ({ what, found, sound }) =>
      `| ${what} | ${found} | ${sound === undefined ? '' : sound ? 'yes' : '**no**'} |`,
  );
  const lines = [
    '# Reliability',
    '',
    `One \`kvasir serve\` with three models, under \`npm run bench:reliability\`. ${os.cpus().length} cores, ${os.type()}, Node.js ${process.version}.`,
    '',
    '| what | found | as it should be |',
    '| --- | --- | --- |',
    ...table,
    '',
  ];
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, lines.join('\n'));
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'kvasir-reliability-'));
try {
  const writer = await writeRandomLlama(path.join(folder, 'writer'), SIZES);
  await writeFile(path.join(writer, 'chat_template.jinja'), TEMPLATE);
  const shipped = ['kvasir-embed-4m', 'kvasir-sentiment-3m']
    .map(name => path.join(ROOT, 'models', name))
    .filter(model => existsSync(model));
  const models = ['writer', ...shipped.map(model => path.basename(model))];
  const server = await ServedProcess.start([
    `writer=${writer}`,
    ...shipped,
    '--receive-timeout',
    String(RECEIVE_TIMEOUT),
    '--log-level',
    'silent',
  ]);
  await fuzzRoutes(server, models);
  await starve(server);
  await abort(server, await server.settle());
  await drain(server);
  await writeSummary();
} finally {
  await rm(folder, { recursive: true, force: true });
}
if (checks.some(({ sound }) => !sound)) process.exitCode = 1;
