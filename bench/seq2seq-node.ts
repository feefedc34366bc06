/**
 * Encoder-decoders against transformers.js behind Fastify, over HTTP, with the same random weights in the shapes of
 * opus-mt and BART-base: tokens/s that 8 clients get, greedy, in f32. Whoever does not have its turn is stopped.
 *
 * Run: `KVASIR_BENCH_PYTHON=/path/to/a/virtual/environment KVASIR_BENCH_TRANSFORMERS=/path/to/node_modules/@huggingface/transformers
 * npm run bench:seq2seq-node [-- rounds [shapes]]`; the environment has torch, transformers, ctranslate2 and optimum,
 * whose exporter writes the peer's graphs. Writes `bench/results/seq2seq-node.md`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './support/server-process.js';
import { kvasir, measure, TOKENS, type Side } from './support/source-load.js';
import { median } from './support/statistics.js';

const { KVASIR_BENCH_PYTHON: venv, KVASIR_BENCH_TRANSFORMERS: transformers } = process.env;
if (venv === undefined || transformers === undefined)
  throw new Error('KVASIR_BENCH_PYTHON and KVASIR_BENCH_TRANSFORMERS name the peers');
const rounds = Number(process.argv[2] ?? 5);
const shapes = (process.argv[3] ?? 'marian,bart-base').split(',');
const peers = fileURLToPath(new URL('../../bench/peers/', import.meta.url));
const base = join(tmpdir(), 'kvasir-bench', 'seq2seq');
const LOAD = { clients: 8, beams: 1, each: 4 };

async function transformersJs(folder: string, way: 'batched' | 'alone'): Promise<Side> {
  const script = fileURLToPath(new URL('support/transformers-translator.js', import.meta.url));
  const server = await ServerProcess.start(
    'transformers.js',
    process.execPath,
    port => [script, folder, way, String(port)],
    '/health',
  );
  return { server, path: '/translate', body: ids => ({ ids, tokens: TOKENS }) };
}

const python = join(venv, 'bin/python');
execFileSync(python, [join(peers, 'prepare_seq2seq.py'), base]);
const lines: string[] = [];
for (const shape of shapes) {
  const exported = join(base, `${shape}-onnx`);
  execFileSync(python, [join(peers, 'export_seq2seq.py'), join(base, shape), exported]);
  const sides: Side[] = [];
  for (const side of [
    kvasir(join(base, shape), 'f32'),
    transformersJs(exported, 'alone'),
    transformersJs(exported, 'batched'),
  ]) {
    sides.push(await side);
    sides.at(-1)!.server.pause();
  }
  const rates = sides.map((): number[] => []);
  for (let round = -1; round < rounds; round++)
    for (let turn = 0; turn < sides.length; turn++) {
      const at = round % 2 === 0 ? turn : sides.length - 1 - turn;
      const { server } = sides[at]!;
      server.resume();
      const rate = await measure(sides[at]!, LOAD);
      // The first round warms up.
      if (round >= 0) rates[at]!.push(rate);
      server.pause();
    }
  for (const { server } of sides) {
    server.resume();
    await server.close();
  }
  const [own, ...others] = rates as [number[], number[], number[]];
  const shown = others.flatMap(peer => {
    const times = median(own.map((rate, round) => rate / peer[round]!));
    return [median(peer).toFixed(0), times.toFixed(2)];
  });
  lines.push(`| ${[shape, median(own).toFixed(0), ...shown].join(' | ')} |`);
}
const { version } = JSON.parse(readFileSync(join(transformers, 'package.json'), 'utf8')) as {
  version: string;
};
const markdown = `# Kvasir and transformers.js: encoder-decoders

\`npm run bench:seq2seq-node\`: transformers.js ${version} behind Fastify, one text after the other and all that waits in one batch, random weights in f32, sources of 20 to 43 tokens, ${TOKENS} tokens of answer, ${LOAD.clients} clients, ${cpus()[0]!.model}, ${availableParallelism()} cores, ${rounds} rounds in turns, medians.

| tokens/s | Kvasir | transformers.js, one by one | times | batched | times |
| --- | --: | --: | --: | --: | --: |
${lines.join('\n')}
`;
await writeFile(fileURLToPath(new URL('../../bench/results/seq2seq-node.md', import.meta.url)), markdown);
console.log(markdown);
