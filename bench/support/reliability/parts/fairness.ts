import { pause, postJson, type Answer } from '../calls.js';
import { milliseconds, type Checks } from '../checks.js';
import { median } from '../../statistics.js';
import { SHIPPED, shipped } from '../models.js';
import type { Options } from '../options.js';
import { ServedProcess } from '../served-process.js';

/** Slots of a model by default. */
const SLOTS = 16;

/** How much longer somebody may wait beside whoever asks for much than beside so many who ask for a little. */
const FACTOR = 2;

/** Requests of the other client: the median counts, and the busiest client must still be at work after the last. */
const TRIES = 5;

interface Load {
  readonly name: string;
  readonly path: string;
  /** What the first client sends: so many times this, at once. */
  readonly times: number;
  readonly body: object;
  /** The same kind of work, of which sixteen are always running in the comparison. */
  readonly alone: object;
  /** What the other client sends. */
  readonly other: object;
}

const completion = (max_tokens: number, more: object = {}): object => ({
  model: 'kvasir-stories-3m',
  prompt: 'Once',
  max_tokens,
  ignore_eos: true,
  ...more,
});

const LOADS: readonly Load[] = [
  {
    name: '1,000 completions of 32 tokens',
    path: '/v1/completions',
    times: 1000,
    body: completion(32),
    alone: completion(32),
    other: completion(4),
  },
  {
    name: 'one request of 8 prompts with n 128, 16 tokens',
    path: '/v1/completions',
    times: 1,
    body: completion(16, { prompt: Array(8).fill('Once'), n: 128 }),
    alone: completion(16),
    other: completion(4),
  },
  {
    name: '1,000 requests of one text',
    path: '/v1/embeddings',
    times: 1000,
    body: { input: 'A fox in the snow. '.repeat(30), truncate: true },
    alone: { input: 'A fox in the snow. '.repeat(30), truncate: true },
    other: { input: 'A dog' },
  },
  {
    name: 'one request of 1,000 texts',
    path: '/v1/embeddings',
    times: 1,
    body: { input: Array(1000).fill('A fox in the snow. '.repeat(30)), truncate: true },
    alone: { input: 'A fox in the snow. '.repeat(30), truncate: true },
    other: { input: 'A dog' },
  },
];

/** One client asks for much; another, with a key of its own, for a little. */
export async function fairness(checks: Checks, _options: Options, _home: string): Promise<void> {
  const server = await ServedProcess.start(
    [...SHIPPED.map(shipped), '--log-level', 'error'],
    ['first-client', 'other-client'],
  );
  for (const load of LOADS) await share(checks, server, load);
  await server.end();
}

async function share(checks: Checks, server: ServedProcess, load: Load): Promise<void> {
  const { name, path, times, body, alone, other } = load;
  const url = server.url + path;
  const first = (content: object): Promise<Answer> => postJson(url, content, { key: 'first-client' });
  const ask = async (): Promise<Answer> => postJson(url, other, { key: 'other-client' });
  await ask();

  let ended = false;
  const running = Array.from({ length: SLOTS }, async () => {
    while (!ended) await first(alone);
  });
  const beside = await waits(ask, () => true);
  ended = true;
  await Promise.all(running);

  const started = performance.now();
  let left = times;
  const answers = Array.from({ length: times }, () => first(body).finally(() => left--));
  const waited = await waits(ask, () => left > 0);
  const all = await Promise.all(answers);
  const took = performance.now() - started;

  const refused = all.filter(({ status }) => status !== 200).length;
  const [usual, found] = [median(beside), median(waited)];
  checks.add(
    `${path}, another's request beside ${name}`,
    `${milliseconds(FACTOR * usual)}, twice as long as beside ${SLOTS} running ones`,
    `${milliseconds(found)}, of ${milliseconds(took)} in all`,
    found <= FACTOR * usual,
  );
  if (refused > 0) checks.add('of those, refused', 'none', `${refused}`, false);
}

/** Milliseconds that requests take one after the other, from 0.3 s on, as long as there is something beside them. */
async function waits(ask: () => Promise<Answer>, busy: () => boolean): Promise<number[]> {
  const times: number[] = [];
  await pause(300);
  for (let i = 0; i < TRIES && (i === 0 || busy()); i++) {
    const { status, time, text } = await ask();
    if (status !== 200) throw new Error(`${status} ${text}`);
    times.push(time);
    await pause(50);
  }
  return times;
}
