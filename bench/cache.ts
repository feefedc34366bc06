/**
 * The KV cache in figures: memory by length of the context, memory that is resident but not used under a mix of lengths, and what reuse of
 * prefixes saves. Linux only, as it reads /proc.
 *
 * Run: `npm run bench:cache [-- part of a section's title]`
 */
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine } from '#engine/engine.js';
import { seededRandom } from '#test/support/seeded-random.js';
import { cacheBytesPerToken } from '#model/cache/layer-cache.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import { Environment } from '#runtime/index.js';
import { loadTokenizer } from '#text/tokenizer.js';
import { greedy } from '#test/support/generation-request.js';
import { SMOLLM2_135M, writeRandomLlama, type LlamaSizes } from './support/random-model.js';
import { median } from './support/statistics.js';

const MIB = 2 ** 20;
const environment = new Environment();
const random = seededRandom(3);

interface Loaded {
  readonly engine: Engine;
  readonly bytesPerToken: number;
}

async function load(name: string, sizes: LlamaSizes, slots: number): Promise<Loaded> {
  const folder = await writeRandomLlama(join(tmpdir(), 'kvasir-bench', name), sizes);
  const { decoder } = await loadDecoder(environment, folder, { slots });
  return {
    engine: new Engine(decoder, await loadTokenizer(folder)),
    bytesPerToken: cacheBytesPerToken(decoder.shape),
  };
}

function randomPrompt(length: number): number[] {
  return Array.from({ length }, () => 300 + Math.floor(random() * 40000));
}

let requests = 0;

/** @returns ids and milliseconds to the first token. */
async function complete(
  engine: Engine,
  promptIds: number[],
  maxTokens: number,
): Promise<{ ids: number[]; firstMs: number }> {
  const started = performance.now();
  let firstMs = NaN;
  const ids: number[] = [];
  for await (const event of engine.generate(greedy(promptIds, { id: `request-${++requests}`, maxTokens }))) {
    if (event.type !== 'delta') continue;
    if (ids.length === 0) firstMs = performance.now() - started;
    ids.push(...event.tokens.map(({ id }) => id));
  }
  return { ids, firstMs };
}

/** Resident bytes of large anonymous mappings: where the caches lie. */
async function residentCache(): Promise<number> {
  const maps = await readFile('/proc/self/smaps', 'utf8');
  let [large, bytes] = [false, 0];
  for (const line of maps.split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ (\d+)/.exec(line);
    if (range !== null)
      large = range[3] === '0' && Number(`0x${range[2]}`) - Number(`0x${range[1]}`) > 64 * MIB;
    else if (large && line.startsWith('Rss:')) bytes += 1024 * Number(/\d+/.exec(line)![0]);
  }
  return bytes;
}

async function peakMemory(): Promise<number> {
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(await readFile('/proc/self/status', 'utf8'))![1]);
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '--:')), ...rows.map(line)].join('\n');
}

async function longContexts(): Promise<string> {
  const sizes = { ...SMOLLM2_135M, num_hidden_layers: 4, max_position_embeddings: 32768 };
  const { engine, bytesPerToken } = await load('llama-4-layers-32k', sizes, 1);
  await complete(engine, randomPrompt(600), 1);
  const before = await peakMemory();
  const rows = [];
  for (const length of [2048, 4096, 8192, 16384, 32000]) {
    const { firstMs } = await complete(engine, randomPrompt(length), 1);
    const grown = (await peakMemory()) - before;
    rows.push([
      length,
      (grown / MIB).toFixed(0),
      ((length * bytesPerToken) / MIB).toFixed(0),
      (firstMs / 1000).toFixed(1),
    ]);
  }
  await engine.close();
  return table(['prompt, tokens', 'peak memory grew by, MiB', 'its keys and values, MiB', 'seconds'], rows);
}

async function slidingWindow(): Promise<string> {
  const window = 1024;
  const whole = { ...SMOLLM2_135M, num_hidden_layers: 4, max_position_embeddings: 32768 };
  // Empty slots for all prompts, and buffers so large that each has a mapping of its own.
  const slots = 8;
  const models = [
    await load('mistral-4-layers-32k', { ...whole, sliding_window: window }, slots),
    await load('llama-4-layers-32k', whole, slots),
  ];
  for (const { engine } of models) await complete(engine, randomPrompt(600), 8);
  const rows = [];
  for (const length of [2048, 8192, 32000]) {
    const row = [];
    for (const { engine } of models) {
      const before = await residentCache();
      const { firstMs } = await complete(engine, randomPrompt(length), 8);
      row.push((((await residentCache()) - before) / MIB).toFixed(0), (firstMs / 1000).toFixed(1));
    }
    rows.push([length, ...row]);
  }
  for (const { engine } of models) await engine.close();
  return [
    `What stays resident of the keys and values of a prompt that was run: where all layers have a window of ${window} positions, and where none has.`,
    table(['prompt, tokens', 'with a window, MiB', 'seconds', 'without, MiB', 'seconds'], rows),
  ].join('\n\n');
}

/** Lengths as in shared conversations: log-normal, prompts of 160 and answers of 210 tokens in the middle. */
function logNormal(middle: number, spread: number, most: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.max(4, Math.min(most, Math.round(middle * Math.exp(spread * normal))));
}

async function waste(): Promise<string> {
  const sizes = { ...SMOLLM2_135M, num_hidden_layers: 4 };
  const { engine, bytesPerToken } = await load('llama-4-layers', sizes, 64);
  // Whatever else a run takes is there after one long run.
  await complete(engine, randomPrompt(512), 1);
  const before = (await residentCache()) - 512 * bytesPerToken;
  const shares: number[] = [];
  const fills: number[] = [];
  let open = 300;
  const client = async (): Promise<void> => {
    while (open-- > 0) await complete(engine, randomPrompt(logNormal(160, 1, 900)), logNormal(210, 0.8, 900));
  };
  const clients = Promise.all(Array.from({ length: 64 }, client));
  let done = false;
  void clients.then(() => (done = true));
  while (!done) {
    await new Promise(resolve => setTimeout(resolve, 500));
    const { cachedTokens, running } = engine.stats();
    if (running < 32) continue;
    const used = cachedTokens * bytesPerToken;
    shares.push(((await residentCache()) - before - used) / used);
    fills.push(cachedTokens);
  }
  await engine.close();
  return `64 clients, 300 requests, 64 slots of 2048 tokens: median ${(100 * median(shares)).toFixed(1)}% (${(100 * Math.min(...shares)).toFixed(1)}–${(100 * Math.max(...shares)).toFixed(1)}%, ${shares.length} samples) of the bytes in use were resident beside them, with ${median(fills)} tokens in the cache in the middle.`;
}

async function reuse(): Promise<string> {
  const { engine } = await load('smollm2-135m', SMOLLM2_135M, 4);
  await complete(engine, randomPrompt(600), 4);
  const ratios: number[] = [];
  const times: [number, number][] = [];
  for (let round = 0; round < 5; round++) {
    const system = randomPrompt(1000);
    const first = (await complete(engine, [...system, ...randomPrompt(20)], 4)).firstMs;
    const second = (await complete(engine, [...system, ...randomPrompt(20)], 4)).firstMs;
    ratios.push(first / second);
    times.push([first, second]);
  }
  const before = engine.stats();
  let conversation: number[] = [];
  for (let turn = 0; turn < 10; turn++) {
    conversation = [...conversation, ...randomPrompt(40)];
    const { ids } = await complete(engine, conversation, 40);
    conversation = [...conversation, ...ids];
  }
  const after = engine.stats();
  const sent = after.promptTokens - before.promptTokens;
  const run = sent - (after.reusedPromptTokens - before.reusedPromptTokens);
  await engine.close();
  const [first, second] = [0, 1].map(i => median(times.map(pair => pair[i]!)).toFixed(0));
  return [
    `A system prompt of 1000 tokens before another question: time to first token ${first} ms the first time, ${second} ms the second: **${median(ratios).toFixed(0)} times** less (${Math.min(...ratios).toFixed(0)}–${Math.max(...ratios).toFixed(0)}).`,
    `A chat of ten turns of 40 tokens each way sends ${sent} prompt tokens, of which ${run} are run: ${10 * 40} are new, and the last token of each answer had not been run yet.`,
  ].join('\n\n');
}

const SECTIONS = {
  'Memory by length of the prompt': longContexts,
  'Sliding windows': slidingWindow,
  'Resident but unused': waste,
  'Prefix reuse': reuse,
};
const wanted = process.argv[2] ?? '';
console.log('# The KV cache\n');
console.log('`npm run bench:cache`, SmolLM2-135M shape (4 layers in the first three), random weights, f32.');
for (const [title, section] of Object.entries(SECTIONS))
  if (title.includes(wanted)) console.log(`\n## ${title}\n\n${await section()}`);
