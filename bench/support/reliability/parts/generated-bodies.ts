import type { Checks } from '../checks.js';
import { megabytes } from '../checks.js';
import { fuzz, type OpenApiDocument } from '../fuzz.js';
import { modelOf, SHIPPED, shipped, writeEncoders, writeWriter } from '../models.js';
import type { Options } from '../options.js';
import { ServedProcess, type Sample } from '../served-process.js';

/** Memory is looked at after each of so many equal shares. */
const BLOCKS = 5;

/** Small bodies for every route, valid and mutated, from many clients at once. */
export async function generatedBodies(checks: Checks, { requests }: Options, home: string): Promise<void> {
  const others = SHIPPED.slice(1);
  const written = [await writeWriter(home), ...(await writeEncoders(home))];
  const models = [...written.map(argument => argument.split('=')[0]!), ...others];
  const server = await ServedProcess.start([...written, ...others.map(shipped), '--log-level', 'silent']);
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApiDocument;
  const firstSeed = Math.floor(Math.random() * 2 ** 31);
  const statuses = new Map<number, number>();
  const faults: string[] = [];
  const memory: Sample[] = [];
  let operations = 0;
  for (let block = 0; block < BLOCKS; block++) {
    const result = await fuzz({
      url: server.url,
      document,
      models,
      modelOf,
      requests: requests / BLOCKS,
      seed: (firstSeed + 1000 * block) % 2 ** 31,
      concurrency: 16,
    });
    operations = result.operations;
    for (const [status, count] of result.statuses) statuses.set(status, (statuses.get(status) ?? 0) + count);
    faults.push(...result.faults);
    memory.push(await server.settle());
  }
  await server.end();
  const total = [...statuses.values()].reduce((a, b) => a + b, 0);
  const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} times ${status}`);
  for (const fault of faults.slice(0, 20)) console.error(fault);
  checks.add(
    `answers to bodies for ${operations} routes (seed ${firstSeed})`,
    `all of ${requests}`,
    counts.join(', '),
    total >= requests,
  );
  checks.add('failures of the server, broken answers', 'none', String(faults.length), faults.length === 0);
  const [first, last] = [memory[0]!, memory.at(-1)!];
  const left = last.running + last.waiting;
  checks.add('running or waiting afterwards', 'none', String(left), left === 0);
  checks.add(
    'resident memory after each fifth',
    'the last no more than a quarter and 32 MiB above the first',
    memory.map(({ resident }) => megabytes(resident)).join(', '),
    last.resident < first.resident * 1.25 + 32 * 2 ** 20,
  );
}
