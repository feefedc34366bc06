/**
 * How long others wait while one client sends the largest, deepest and most laborious bodies that the server takes. Prints each body's status,
 * its time, and the longest answer of /health/live meanwhile; fails where that passes the limit.
 *
 * Run: `node dist/bench/large-bodies.js`; argument: a regular expression for the names and paths of those to send.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { largeBodies, largeConversations, type LargeBody } from './support/reliability/large-bodies.js';
import { Probe } from './support/reliability/probe.js';
import { ServedProcess } from './support/reliability/served-process.js';
import { writeRandomLlama } from './support/random-model.js';

/** Milliseconds that others may wait. */
const LIMIT = 100;

/** A busy machine holds up anybody now and then: what passes the limit is sent again, and the least counts. */
const TRIES = 3;

/** Milliseconds that an answer may take at all. */
const LONGEST = 60_000;

const [part = ''] = process.argv.slice(2);

const SIZES = {
  hidden_size: 48,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 320,
  max_position_embeddings: 512,
};

const TEMPLATE = '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: ';

const home = await mkdtemp(path.join(os.tmpdir(), 'kvasir-'));
const writer = await writeRandomLlama(path.join(home, 'writer'), SIZES);
await writeFile(path.join(writer, 'chat_template.jinja'), TEMPLATE);
const shipped = ['kvasir-stories-3m', 'kvasir-embed-4m', 'kvasir-sentiment-3m'].map(name =>
  path.resolve('models', name),
);
const server = await ServedProcess.start([...shipped, writer, '--log-level', 'error']);
const probe = new Probe(server.url);
let worst = 0;
let failures = 0;
for (const large of [...largeBodies(), ...largeConversations('writer')].filter(({ name, path }) =>
  new RegExp(part).test(`${path} ${name}`),
)) {
  const { status, seconds, waited } = await send(large);
  worst = Math.max(worst, waited);
  const fine = waited <= LIMIT && status > 0 && status < 500;
  if (!fine) failures++;
  console.log(
    `${fine ? 'ok    ' : 'NOT OK'}  ${large.path.padEnd(34)} ${large.name.padEnd(48)} ${status}  ${seconds.toFixed(2)} s  others ${waited.toFixed(0)} ms`,
  );
}
console.log(`others waited ${worst.toFixed(0)} ms at most, ${LIMIT} are allowed; ${failures} failed`);
await probe.stop();
server.terminate();
await rm(home, { recursive: true });
process.exitCode = failures === 0 ? 0 : 1;

async function send({ path, body }: LargeBody): Promise<{ status: number; seconds: number; waited: number }> {
  const text = body();
  let best = { status: 0, seconds: 0, waited: Infinity };
  for (let attempt = 0; attempt < TRIES && best.waited > LIMIT; attempt++) {
    await probe.longest();
    const started = performance.now();
    const response = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: text,
      signal: AbortSignal.timeout(LONGEST),
    }).catch(() => undefined);
    await response?.arrayBuffer().catch(() => undefined);
    const seconds = (performance.now() - started) / 1000;
    const waited = await probe.longest();
    if (waited < best.waited) best = { status: response?.status ?? 0, seconds, waited };
  }
  return best;
}
