/**
 * What a server survives, by parts: whatever clients send, leave or hold, and whatever lies in model folders. Servers are processes of their
 * own, watched from outside. Each limit is printed beside what was measured; the exit code is 1 where one is passed.
 *
 * Run: `npm run bench:reliability -- [options] [parts]`; parts: bodies, leaving, large, fairness, memory, folders; without any, all are run
 * and a summary is written. Options: --requests 20000 (generated bodies), --seconds 120 (of aborted streams), --connections 500 (of those),
 * --only REGEX (large bodies by path and name, folders by name), --file FILE (for the summary).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Checks } from './support/reliability/checks.js';
import type { Options } from './support/reliability/options.js';
import { fairness } from './support/reliability/parts/fairness.js';
import { generatedBodies } from './support/reliability/parts/generated-bodies.js';
import { hostileFolders } from './support/reliability/parts/hostile-folders.js';
import { largeBodiesAlone } from './support/reliability/parts/large-bodies.js';
import { leavingClients } from './support/reliability/parts/leaving-clients.js';
import { memoryBounds } from './support/reliability/parts/memory-bounds.js';

type Part = (checks: Checks, options: Options, home: string) => Promise<void>;

const PARTS: Readonly<Record<string, readonly [title: string, part: Part]>> = {
  bodies: ['Generated bodies for every route', generatedBodies],
  leaving: ['Clients that are slow, or leave', leavingClients],
  large: ['Large, deep and laborious bodies', largeBodiesAlone],
  fairness: ['Fair shares', fairness],
  memory: ['Bounds of memory, time and waiting', memoryBounds],
  folders: ['Hostile and damaged model folders', hostileFolders],
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '120' },
    connections: { type: 'string', default: '500' },
    only: { type: 'string', default: '' },
    file: { type: 'string' },
  },
});
const options: Options = {
  requests: Number(values.requests),
  seconds: Number(values.seconds),
  connections: Number(values.connections),
  only: new RegExp(values.only),
};
const names = positionals.length > 0 ? positionals : Object.keys(PARTS);
const summary = fileURLToPath(new URL('../../bench/results/reliability.md', import.meta.url));
const file = values.file ?? (positionals.length > 0 ? undefined : summary);

const checks = new Checks();
for (const name of names) {
  const [title, part] = PARTS[name] ?? [];
  if (part === undefined) throw new Error(`there is no part ${name}, only ${Object.keys(PARTS).join(', ')}`);
  checks.section(title!);
  const home = await mkdtemp(path.join(os.tmpdir(), 'kvasir-reliability-'));
  try {
    await part(checks, options, home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
if (file !== undefined) await writeFile(file, checks.report());
console.log(`\n${checks.failed.length} limits were passed`);
process.exitCode = checks.failed.length === 0 ? 0 : 1;
