/**
 * Encoder-decoders against CTranslate2 behind FastAPI, over HTTP, with the same random weights in the shapes of
 * opus-mt and BART-base: tokens/s that 1 and 16 clients get, greedy and with 4 beams. All servers are up from the
 * beginning; whoever does not have its turn is stopped.
 *
 * Run: `KVASIR_BENCH_CTRANSLATE2=/path/to/a/virtual/environment npm run bench:seq2seq [-- rounds [shapes]]`, which
 * has torch, transformers, ctranslate2, fastapi and uvicorn. Writes `bench/results/seq2seq.md`.
 *
 * CTranslate2 is measured with all threads for one request, and with a request for each; the better one counts.
 */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './support/server-process.js';
import { kvasir, measure, TOKENS, type Side } from './support/source-load.js';
import { median } from './support/statistics.js';

const venv = process.env.KVASIR_BENCH_CTRANSLATE2;
if (venv === undefined) throw new Error('KVASIR_BENCH_CTRANSLATE2 names a virtual environment');
const python = join(venv, 'bin/python');
const rounds = Number(process.argv[2] ?? 5);
const shapes = (process.argv[3] ?? 'marian,bart-base').split(',');
const peers = fileURLToPath(new URL('../../bench/peers/', import.meta.url));
const base = join(tmpdir(), 'kvasir-bench', 'seq2seq');

/** Kvasir's precision, and what CTranslate2 calls it. */
const PRECISIONS = [
  ['f32', 'float32'],
  ['int8', 'int8'],
  ['w8a8', 'int8'],
] as const;
const LOADS = [
  { clients: 1, beams: 1, each: 6 },
  { clients: 16, beams: 1, each: 4 },
  { clients: 1, beams: 4, each: 6 },
  { clients: 16, beams: 4, each: 2 },
] as const;

async function ctranslate2(shape: string, type: string, translators: number): Promise<Side> {
  const threads = availableParallelism() / translators;
  const args = [join(peers, 'ctranslate2_server.py'), join(base, `${shape}-ct2-${type}`), type];
  const server = await ServerProcess.start(
    `CTranslate2 ${type}, ${translators} at once`,
    python,
    port => [...args, String(translators), String(threads), String(port)],
    '/health',
  );
  return { server, path: '/translate', body: (ids, beams) => ({ ids, beams, tokens: TOKENS }) };
}

/** The table of one shape: tokens/s of each side, by load and round. */
function table(shape: string, sides: readonly Side[], rates: readonly (readonly number[][])[]): string[] {
  const of = (name: string): readonly number[][] =>
    rates[sides.findIndex(({ server }) => server.name === name)]!;
  /** The better way to run CTranslate2 for a load. */
  const best = (type: string, load: number): number[] => {
    const ways = [1, availableParallelism()].map(count => of(`CTranslate2 ${type}, ${count} at once`)[load]!);
    return ways.sort((a, b) => median(b) - median(a))[0]!;
  };
  const lines = [
    `## ${shape}`,
    '',
    `| tokens/s | Kvasir f32 | CTranslate2 float32 | times | Kvasir int8 | Kvasir w8a8 | CTranslate2 int8 | times: int8 | w8a8 |`,
    '| --- | --: | --: | --: | --: | --: | --: | --: | --: |',
  ];
  for (const [i, { clients, beams }] of LOADS.entries()) {
    const [f32, int8, w8a8] = PRECISIONS.map(([precision]) => of(`Kvasir ${precision}`)[i]!) as [
      number[],
      number[],
      number[],
    ];
    const [exact, small] = [best('float32', i), best('int8', i)];
    const shown = (values: readonly number[]): string => median(values).toFixed(0);
    const times = (a: readonly number[], b: readonly number[]): string =>
      median(a.map((value, round) => value / b[round]!)).toFixed(2);
    lines.push(
      `| ${clients} client${clients > 1 ? 's' : ''}, ${beams > 1 ? `${beams} beams` : 'greedy'} | ${[
        shown(f32),
        shown(exact),
        times(f32, exact),
        shown(int8),
        shown(w8a8),
        shown(small),
        times(int8, small),
        times(w8a8, small),
      ].join(' | ')} |`,
    );
  }
  return [...lines, ''];
}

/** Rewritten after each round, so that a run that is broken off leaves what it has measured. */
async function write(tables: readonly string[], done: number): Promise<string> {
  const markdown = [
    '# Kvasir and CTranslate2',
    '',
    `\`npm run bench:seq2seq\`: ${version} behind FastAPI, random weights, sources of 20 to 43 tokens, ${TOKENS} tokens of answer, ${cpus()[0]!.model}, ${availableParallelism()} cores, ${done} rounds in turns, medians. Of CTranslate2's two ways, one request with all threads or a request for each thread, the better one is shown. Its int8 multiplies in 8 bits, as w8a8 does.`,
    '',
    ...tables,
  ].join('\n');
  await writeFile(fileURLToPath(new URL('../../bench/results/seq2seq.md', import.meta.url)), markdown);
  return markdown;
}

const version = execFileSync(python, [join(peers, 'prepare_seq2seq.py'), base])
  .toString()
  .trim();
const tables: string[] = [];
let written = '';
for (const shape of shapes) {
  const sides: Side[] = [];
  const start = async (side: Promise<Side>): Promise<void> => {
    sides.push(await side);
    sides.at(-1)!.server.pause();
  };
  for (const [precision] of PRECISIONS) await start(kvasir(join(base, shape), precision));
  for (const type of ['float32', 'int8'])
    for (const translators of [1, availableParallelism()]) await start(ctranslate2(shape, type, translators));
  const rates = sides.map(() => LOADS.map((): number[] => []));
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const at = round % 2 === 0 ? turn : sides.length - 1 - turn;
      const side = sides[at]!;
      side.server.resume();
      for (const [i, load] of LOADS.entries()) {
        const rate = await measure(side, load);
        // The first round warms up.
        if (round >= 0) rates[at]![i]!.push(rate);
      }
      side.server.pause();
      console.error(`${shape}, round ${round + 1} of ${rounds}: ${side.server.name}`);
    }
    if (round >= 0) written = await write([...tables, ...table(shape, sides, rates)], round + 1);
  }
  tables.push(...table(shape, sides, rates));
  for (const { server } of sides) {
    server.resume();
    await server.close();
  }
}
console.log(written);
