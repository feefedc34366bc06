/**
 * Where a decoder's time goes, by operator and precision, as a table in Markdown: a decode step of 1 and of 16 sequences, and a prompt of
 * 256 tokens, in the shape of SmolLM2-135M. ONNX Runtime's profile of each operator costs some microseconds itself.
 *
 * Run: `npm run build && node dist/bench/profile.js [precisions]`
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Precision } from '#graph/precision.js';
import type { Decoder } from '#model/decoder/contract.js';
import { Environment } from '#runtime/index.js';
import { openDecoder } from './support/open-decoder.js';
import { SMOLLM2_135M, writeRandomLlama } from './support/random-model.js';
import { median } from './support/statistics.js';
import { latestTokens, prefill, run } from '#test/support/run-decoder.js';

const precisions = (process.argv[2] ?? 'f32,int8,w8a8,int4').split(',') as Precision[];
const SLOTS = 16;
const RUNS = 20;
/** Filled positions of a decoded sequence. */
const PAST = 64;

interface Event {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

/** What operators count as. */
const KINDS: Readonly<Record<string, string>> = {
  Gemm: 'matrix products',
  MatMul: 'matrix products',
  MatMulNBits: 'matrix products',
  MatMulIntegerToFloat: 'matrix products',
  GroupQueryAttention: 'attention',
  SimplifiedLayerNormalization: 'norms',
  SkipSimplifiedLayerNormalization: 'norms',
  QuickGelu: 'activation',
};

function someIds(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 300 + i);
}

function decode(rows: number): (decoder: Decoder) => Promise<unknown> {
  const ids = someIds(rows);
  return decoder =>
    run(
      decoder,
      latestTokens(
        ids,
        ids.map(() => PAST),
      ),
    );
}

const LOADS: Readonly<Record<string, (decoder: Decoder) => Promise<unknown>>> = {
  'decode 1': decode(1),
  'decode 16': decode(SLOTS),
  'prompt of 256': decoder => prefill(decoder, 0, someIds(256), 0, 'last'),
};

/** Milliseconds of a run, by kind of operator: sums of the medians of each node. */
async function profile(folder: string, precision: Precision, load: string): Promise<Map<string, number>> {
  const work = await mkdtemp(join(tmpdir(), 'kvasir-profile-'));
  try {
    const settings = { profile: join(work, 'profile') };
    const decoder = await openDecoder(environment, folder, SLOTS, precision, settings, false);
    for (let run = 0; run < RUNS; run++) await LOADS[load]!(decoder);
    decoder.dispose();
    const [file] = await readdir(work);
    const events = JSON.parse(await readFile(join(work, file!), 'utf8')) as Event[];
    const nodes = new Map<string, { kind: string; times: number[] }>();
    for (const { cat, name, dur, args } of events) {
      if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue;
      const kind = name.includes('.int8.') ? 'quantizing activations' : (KINDS[args!.op_name!] ?? 'others');
      const node = nodes.get(name) ?? { kind, times: [] };
      node.times.push(dur);
      nodes.set(name, node);
    }
    const sums = new Map<string, number>();
    for (const { kind, times } of nodes.values())
      sums.set(kind, (sums.get(kind) ?? 0) + median(times) / 1000);
    return sums;
  } finally {
    await rm(work, { recursive: true });
  }
}

const folder = await writeRandomLlama(join(tmpdir(), 'kvasir-bench', 'smollm2-135m'), SMOLLM2_135M);
const environment = new Environment();
for (const load of Object.keys(LOADS)) {
  const columns: Map<string, number>[] = [];
  for (const precision of precisions) columns.push(await profile(folder, precision, load));
  const kinds = [...new Set(columns.flatMap(column => [...column.keys()]))];
  const total = (column: ReadonlyMap<string, number>): number =>
    [...column.values()].reduce((sum, value) => sum + value, 0);
  kinds.sort((a, b) => (columns[0]!.get(b) ?? 0) - (columns[0]!.get(a) ?? 0));
  console.log(`\n| ${load}, ms | ${precisions.join(' | ')} |`);
  console.log(`| --- |${precisions.map(() => ' --: |').join('')}`);
  for (const kind of kinds)
    console.log(`| ${kind} | ${columns.map(column => (column.get(kind) ?? 0).toFixed(2)).join(' | ')} |`);
  console.log(`| all | ${columns.map(column => total(column).toFixed(2)).join(' | ')} |`);
}
