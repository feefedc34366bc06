/**
 * Part of `bench/cuda.ts`: requests of all lengths through the engine, as many at once as there are slots, and some of them again alone.
 *
 * Arguments: device, folder of the model, precision, kind of cache, requests, slots. Prints JSON.
 */
import { readFile } from 'node:fs/promises';
import { seededRandom } from '#test/support/seeded-random.js';
import type { CacheKind } from '#graph/cache-kind.js';
import type { Precision } from '#graph/precision.js';
import { loadGeneration } from '#registry/load-generation.js';
import { Environment, openDevice } from '#runtime/index.js';
import { collect, differs } from '#test/support/answers.js';
import { greedy } from '#test/support/generation-request.js';

export interface RequestFigures {
  readonly requests: number;
  readonly failed: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly preemptions: number;
  /** Prompt tokens that were in the cache already. */
  readonly reused: number;
  /** Requests that were run again alone, and how many of them had another answer, beyond near ties. */
  readonly compared: number;
  readonly different: number;
  /** Slots that were not idle in the end, and requests that waited. */
  readonly left: number;
}

/** 16-bit floats cannot tell two tokens apart whose log probabilities are closer than this, once sums are taken in another order. */
const TIE = 0.1;
const COMPARED = 100;

const [deviceName, folder, precision, cache] = process.argv.slice(2) as [
  string,
  string,
  Precision,
  CacheKind,
];
const [count, slots] = [Number(process.argv[6] ?? 1000), Number(process.argv[7] ?? 64)];
const device = openDevice(deviceName, {}, () => undefined);
const environment = new Environment();
const text = await readFile(new URL('../../../bench/texts/stories.txt', import.meta.url), 'utf8');

async function open(rows: number, reusesPrefix: boolean): ReturnType<typeof loadGeneration> {
  return loadGeneration(environment, folder, {
    slots: rows,
    precision,
    cache,
    session: { device },
    engine: { maxWaiting: count, reservedTokens: 16, reusesPrefix },
  });
}

const model = await open(slots, true);
const random = seededRandom(7);
const below = (limit: number): number => Math.floor(random() * limit);
const textIds = model.tokenizer.encode(text);
const requests = Array.from({ length: count }, (_, i) => {
  const begin = below(textIds.length - 1);
  // A third begins alike.
  const shared = i % 3 === 0 ? textIds.slice(0, 60) : [];
  const ids = [...shared, ...textIds.slice(begin, begin + 1 + below(120))];
  return greedy(ids, { id: String(i), maxTokens: 1 + below(80), logprobs: 2 });
});
const began = performance.now();
const answers = await Promise.all(
  requests.map(async request => {
    try {
      return await collect(model.engine, request);
    } catch (error) {
      console.error((error as Error).message);
      return undefined;
    }
  }),
);
const seconds = (performance.now() - began) / 1000;
await new Promise(resolve => setTimeout(resolve, 200));
const { preemptions, running, waiting, reusedPromptTokens } = model.engine.stats();
await model.close();

const alone = await open(1, false);
let [compared, different] = [0, 0];
for (let i = 0; i < count; i += Math.ceil(count / COMPARED)) {
  const batched = answers[i];
  if (batched === undefined) continue;
  compared++;
  if (differs(batched, await collect(alone.engine, requests[i]!), TIE) !== undefined) different++;
}
await alone.close();
const done = answers.filter(given => given !== undefined);
console.log(
  JSON.stringify({
    requests: count,
    failed: count - done.length,
    tokens: done.reduce((sum, { tokens }) => sum + tokens.length, 0),
    seconds,
    preemptions,
    reused: reusedPromptTokens,
    compared,
    different,
    left: running + waiting,
  } satisfies RequestFigures),
);
