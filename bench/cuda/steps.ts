/**
 * Part of `bench/cuda.ts`: the bare decoder in the shape of a 1B model: milliseconds of a decode step at several batch sizes, of prompts, and
 * bytes that a step copies between the processor and the GPU.
 *
 * Arguments: device, folder of the model, precision, kind of cache, `graphs` or `no-graphs`, largest batch. With KVASIR_BENCH_COPIES, the path of the library of
 * `copied-bytes.c`, which must be preloaded, copies are counted. Prints JSON.
 */
import koffi from 'koffi';
import type { CacheKind } from '#graph/cache-kind.js';
import type { Precision } from '#graph/precision.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import { Environment, openDevice } from '#runtime/index.js';
import { median } from '../support/statistics.js';
import { latestTokens, prefill, run } from '#test/support/run-decoder.js';

export interface StepFigures {
  readonly loadSeconds: number;
  /** Filled positions of a decoded sequence, at first. */
  readonly past: number;
  readonly decode: readonly {
    readonly rows: number;
    readonly ms: number;
    /** In a step; undefined where nobody counts. */
    readonly copied: { readonly up: number; readonly down: number; readonly within: number } | undefined;
  }[];
  readonly prompts: readonly { readonly tokens: number; readonly ms: number }[];
}

const CONTEXT = 2048;
const PAST = 512;
const ROWS = [1, 8, 32, 64];
const STEPS = 60;
const PROMPTS = [512, 2000];

const [deviceName, folder, precision, cache] = process.argv.slice(2) as [
  string,
  string,
  Precision,
  CacheKind,
];
const graphs = process.argv[6] !== 'no-graphs';
const most = Number(process.argv[7] ?? 64);
const device = openDevice(deviceName, { graphs }, () => undefined);

const library = process.env.KVASIR_BENCH_COPIES;
const readCopies =
  library === undefined ? undefined : koffi.load(library).func('void kvasir_copied(_Out_ uint64_t *counts)');
/** Bytes since the last call. */
function copied(): { up: number; down: number; within: number } | undefined {
  if (readCopies === undefined) return undefined;
  const counts = new BigUint64Array(10);
  readCopies(counts);
  const [, up, down, within] = [...counts].map(Number);
  return { up: up!, down: down!, within: within! };
}

const began = performance.now();
const { decoder } = await loadDecoder(new Environment(), folder, {
  slots: most,
  contextLength: CONTEXT,
  precision,
  cache,
  session: { device },
});
const loadSeconds = (performance.now() - began) / 1000;

const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => 300 + ((i * 7919) % 40_000));
const prompts: { tokens: number; ms: number }[] = [];
for (const tokens of PROMPTS) {
  const times: number[] = [];
  for (let i = 0; i < 6; i++) {
    const started = performance.now();
    await prefill(decoder, 0, ids(tokens), 0, 'last');
    times.push(performance.now() - started);
  }
  prompts.push({ tokens, ms: median(times.slice(1)) });
}
const decode: StepFigures['decode'][number][] = [];
for (const rows of ROWS.filter(count => count <= most)) {
  const [tokens, times]: [number[], number[]] = [ids(rows), []];
  for (let step = 0; step < STEPS + 10; step++) {
    const started = performance.now();
    await run(
      decoder,
      latestTokens(
        tokens,
        tokens.map(() => PAST + step),
      ),
    );
    times.push(performance.now() - started);
    if (step === 9) copied();
  }
  const total = copied();
  const share = (bytes: number): number => bytes / STEPS;
  decode.push({
    rows,
    ms: median(times.slice(10)),
    copied: total && { up: share(total.up), down: share(total.down), within: share(total.within) },
  });
}
decoder.dispose();
console.log(JSON.stringify({ loadSeconds, past: PAST, decode, prompts } satisfies StepFigures));
