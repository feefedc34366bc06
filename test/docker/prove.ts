/**
 * Proves the image for the processor where there is no container engine: carries out its Dockerfile from what git has, and runs the result
 * as its user, with a read-only root. Takes one or two minutes, Linux and root.
 */
import assert from 'node:assert/strict';
import { execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Image } from './image.js';
import { DOCKER, ROOT } from './paths.js';

const MIB = 2 ** 20;
/** node:24-bookworm-slim, unpacked, with some to spare. It cannot be fetched here. */
const BASE_BYTES = 250 * MIB;
const LARGEST_IMAGE = 400 * MIB;

const folder = mkdtempSync(join(tmpdir(), 'kvasir-prove-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const context = join(folder, 'context');
for (const file of execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0'))
  if (file !== '') cpSync(join(ROOT, file), join(context, file));

using image = new Image(context);
image.build(join(DOCKER, 'Dockerfile'), say);

const size = BASE_BYTES + image.bytes;
say(`image: about ${toMib(size)} MiB, ${toMib(image.bytes)} MiB of them over the base`);
assert.ok(size < LARGEST_IMAGE, `the image is larger than ${toMib(LARGEST_IMAGE)} MiB`);

const data = join(folder, 'data');
mkdirSync(data);
chownSync(data, image.userId, image.userId);

const port = await freePort();
const environment = { KVASIR_PORT: String(port) };
const volumes = { '/data': data };
const { command, healthcheck } = image.config;
const server = image.start(command, environment, volumes);
server.stdout!.pipe(process.stdout);
server.stderr!.pipe(process.stderr);
await once(server.stdout!, 'data');

const [health] = (await once(image.start(healthcheck, environment, volumes), 'exit')) as [number];
assert.equal(health, 0, 'its own health check finds it well');
const request = { model: 'kvasir-stories-3m', prompt: 'One day', temperature: 0, ignore_eos: true };
const answer = (await (await complete({ ...request, max_tokens: 8 })).json()) as {
  usage: { completion_tokens: number };
};
assert.equal(answer.usage.completion_tokens, 8, 'it completes a text');
assert.ok(readdirSync(data, { recursive: true }).length > 0, 'it keeps its graphs in /data');
assert.equal(await exitCode(image.start(['touch', '/app/x'], {}, {})), 1, 'nothing else can be written');

const stream = await complete({ ...request, max_tokens: 300, stream: true });
const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
let text = (await reader.read()).value!;
server.kill('SIGTERM');
for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
assert.match(text, /data: \[DONE\]\n\n$/, 'SIGTERM lets a stream end');
assert.equal(await exitCode(server), 0);
say('proved: it builds, runs without rights over a read-only root, answers, and drains');

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function toMib(bytes: number): number {
  return Math.round(bytes / MIB);
}

function complete(body: object): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}
