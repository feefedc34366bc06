import { abortingClients } from '../aborting-clients.js';
import { postJson } from '../calls.js';
import { megabytes, seconds, type Checks } from '../checks.js';
import { writeWriter } from '../models.js';
import type { Options } from '../options.js';
import { ServedProcess, type Sample } from '../served-process.js';
import { slowClients } from '../slow-clients.js';

const RECEIVE_TIMEOUT = 5;

/**
 * Clients that send a byte now and then, that leave in the middle of streams, and the end of a server that is
 * at work.
 */
export async function leavingClients(checks: Checks, options: Options, home: string): Promise<void> {
  const server = await ServedProcess.start([
    await writeWriter(home),
    '--receive-timeout',
    String(RECEIVE_TIMEOUT),
    '--log-level',
    'silent',
  ]);
  await starve(checks, server);
  await leave(checks, server, options);
  await drain(checks, server);
}

/** Connections that send almost nothing. */
async function starve(checks: Checks, server: ServedProcess): Promise<void> {
  const { cut, longest, latency } = await slowClients(server.port, 200);
  checks.add(
    `200 connections that send a byte now and then, with receive_timeout ${RECEIVE_TIMEOUT}`,
    'all cut off',
    `${cut}, the last after ${seconds(longest)}`,
    cut === 200,
  );
  checks.add(
    'an ordinary request meanwhile, p50 and p95',
    'p95 below 1 s',
    `${latency.p50.toFixed(1)} ms, ${latency.p95.toFixed(1)} ms`,
    latency.p95 < 1000,
  );
}

/** Streams that are left. */
async function leave(
  checks: Checks,
  server: ServedProcess,
  { connections, seconds: duration }: Options,
): Promise<void> {
  const before = await server.settle();
  const seen: Sample[] = [];
  const timer = setInterval(() => void server.sample().then(sample => seen.push(sample)), 1000);
  const { streams, complete, refused, faults } = await abortingClients({
    port: server.port,
    model: 'writer',
    connections,
    milliseconds: duration * 1000,
    seed: 1,
  });
  clearInterval(timer);
  const after = await server.settle();
  for (const fault of faults.slice(0, 20)) console.error(fault);
  const most = (value: (sample: Sample) => number): number => Math.max(...seen.map(value));
  checks.add(
    `streams begun and left on ${connections} connections in ${duration} s`,
    'some are read to their end',
    `${streams}, of which ${complete} were read to their end and ${refused} refused with 429`,
    complete > 0,
  );
  checks.add('wrong answers, streams that broke off', 'none', String(faults.length), faults.length === 0);
  checks.add(
    'at most under way',
    '',
    `${most(s => s.running)} running, ${most(s => s.waiting)} waiting, ${Math.round(100 * most(s => s.cacheUse))}% of the KV cache, ${most(s => s.files)} files`,
  );
  checks.add(
    'running, waiting, KV cache held afterwards',
    'none',
    `${after.running}, ${after.waiting}, ${Math.round(after.cacheUse * 100)}%`,
    after.running + after.waiting + after.cacheUse === 0,
  );
  checks.add(
    'open files, before and afterwards',
    '2 more',
    `${before.files}, ${after.files}`,
    after.files <= before.files + 2,
  );
  checks.add(
    'resident memory, before, at most and afterwards',
    'afterwards half more and 64 MiB',
    [before.resident, most(s => s.resident), after.resident].map(megabytes).join(', '),
    after.resident < before.resident * 1.5 + 64 * 2 ** 20,
  );
  checks.add(
    "JavaScript's heap, before and afterwards",
    '',
    `${megabytes(before.heap)}, ${megabytes(after.heap)}`,
  );
  const { status } = await fetch(`${server.url}/health/live`);
  checks.add('/health/live', '200', String(status), status === 200);
}

/** The end, while it is at work. */
async function drain(checks: Checks, server: ServedProcess): Promise<void> {
  const body = { model: 'writer', prompt: 'a', max_tokens: 400, ignore_eos: true, stream: true };
  const streams = Array.from({ length: 32 }, () => postJson(`${server.url}/v1/completions`, body));
  await server.until(({ running, waiting }) => running + waiting === streams.length);
  const started = performance.now();
  server.terminate();
  const texts = (await Promise.all(streams)).map(({ text }) => text);
  const whole = texts.filter(text => text.includes('"finish_reason":"length"')).length;
  const code = await server.exit;
  checks.add(
    '32 streams at SIGTERM: read to their end, exit code, time',
    'all, 0',
    `${whole}, ${code}, ${seconds(performance.now() - started)}`,
    whole === streams.length && code === 0,
  );
}
