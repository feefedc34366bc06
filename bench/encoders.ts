/**
 * Embeddings/s of a model in the shape of MiniLM-L6 for 1, 8 and 64 concurrent clients with texts of 8 to 256 tokens, beside
 * `@huggingface/transformers`, which runs the same model as an exporter writes it: text by text, all that waits in one batch, and batched by
 * length as Kvasir does. Contenders take turns in every round; tokenization is part of the work.
 *
 * Run: `npm run build && KVASIR_BENCH_TRANSFORMERS=/path/to/node_modules/@huggingface/transformers node dist/bench/encoders.js [seconds] [rounds]
 * [clients...]`
 */
import { fork, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask } from './support/ask.js';
import type { Measure, Measured } from './support/embedding-contender.js';
import { writeRandomMiniLm } from './support/random-encoder.js';
import { median } from './support/statistics.js';

const [seconds = 3, rounds = 5, ...numbers] = process.argv.slice(2).map(Number);
const CLIENTS = numbers.length > 0 ? numbers : [1, 8, 64];
const NAMES = ['kvasir f32', 'kvasir f32, one batch at once', 'kvasir int8'];
if (process.env.KVASIR_BENCH_TRANSFORMERS === undefined)
  console.log('KVASIR_BENCH_TRANSFORMERS is not set: only Kvasir runs');
else NAMES.push('transformers.js one by one', 'transformers.js batched', 'transformers.js by length');

const folder = await writeRandomMiniLm(join(tmpdir(), 'kvasir-bench-minilm-l6'));
const program = fileURLToPath(new URL('support/embedding-contender.js', import.meta.url));
const children: ChildProcess[] = [];
for (const name of NAMES) {
  const child = fork(program, [name, folder]);
  await ask(child);
  children.push(child);
}
for (const clients of CLIENTS) {
  const results = NAMES.map((): Measured[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [i, child] of children.entries())
      results[i]!.push(await ask<Measured>(child, { clients, seconds, seed: round + 1 } satisfies Measure));
  const rates = results.map(list => list.map(({ texts, seconds }) => texts / seconds));
  console.log(`${clients} clients`);
  NAMES.forEach((name, i) => {
    const padding = results[i]!.flatMap(result => result.padding ?? []);
    const ratio = median(rates[i]!.map((rate, round) => rate / rates[0]![round]!));
    console.log(
      `  ${name.padEnd(30)} ${median(rates[i]!).toFixed(1).padStart(7)} embeddings/s`,
      `  ${ratio.toFixed(2)} of kvasir f32`,
      `  ${median(results[i]!.map(({ cpuSeconds, texts }) => (1000 * cpuSeconds) / texts)).toFixed(1)} ms of processor time each`,
      padding.length > 0 ? `  padding ${(median(padding) * 100).toFixed(1)} %` : '',
    );
  });
}
for (const child of children) child.disconnect();
