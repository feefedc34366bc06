/**
 * Kvasir on an NVIDIA GPU: whether its numbers are right there, whether many requests at once get what each would get alone, and how fast it
 * is in the shape of a 1B model with random weights. Each part is a process of its own, so that one that fails costs no other.
 *
 * Run: `npm run bench:cuda [-- device]`; needs what `kvasir doctor` says that CUDA needs, 15 GB of disk in the system's folder for temporary
 * files, and a C compiler where copies are to be counted. Writes `bench/results/cuda.md` anew after each part.
 * KVASIR_BENCH_LIMIT: seconds that a part may take; default 300.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findCuda, thisSystem } from '#runtime/index.js';
import type { Agreement } from './cuda/agreement.js';
import type { MemoryFigures } from './cuda/memory.js';
import { cudaReport, type CudaFigures } from './cuda/report.js';
import type { RequestFigures } from './cuda/requests.js';
import type { ServingFigures } from './cuda/serving.js';
import type { StepFigures } from './cuda/steps.js';
import { writeRandomCheckpoint } from './support/random-checkpoint.js';
import { LLAMA32_1B } from './support/random-model.js';

const run = promisify(execFile);
const device = process.argv[2] ?? 'cuda';
const LIMIT = Number(process.env.KVASIR_BENCH_LIMIT ?? 300);
const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '../..');
const STORIES = join(ROOT, 'models/kvasir-stories-3m');
const work = join(tmpdir(), 'kvasir-bench');
const model = join(work, 'llama-3.2-1b');

const VARIANTS = [
  ['f16', 'slots'],
  ['bf16', 'slots'],
  ['int8', 'slots'],
  ['int4', 'slots'],
  ['f16', 'paged'],
  ['bf16', 'paged'],
  ['int4', 'paged'],
] as const;
const ENGINES = [
  ['f16', 'slots'],
  ['f16', 'paged'],
] as const;
const SERVED = [
  ['f16', 'slots', 'graphs'],
  ['f16', 'slots', 'no-graphs'],
  ['f16', 'paged', 'no-graphs'],
] as const;
const STEPS = [
  ['f16', 'slots', 'graphs'],
  ['f16', 'slots', 'no-graphs'],
  ['f16', 'paged', 'no-graphs'],
  ['bf16', 'slots', 'graphs'],
  ['int8', 'slots', 'graphs'],
  ['int4', 'slots', 'graphs'],
] as const;

const figures: CudaFigures = {
  report: findCuda(thisSystem()),
  agreement: [],
  requests: [],
  serving: [],
  steps: [],
  memory: undefined,
};

/** The JSON that a part prints, or why there is none. */
async function part<T>(
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<T | string> {
  console.error(`${new Date().toISOString().slice(11, 19)} ${name} ${args.join(' ')}`);
  try {
    const { stdout } = await run(process.execPath, [join(HERE, 'cuda', `${name}.js`), device, ...args], {
      timeout: LIMIT * 1000,
      killSignal: 'SIGKILL',
      env: { ...process.env, ...env },
      maxBuffer: 2 ** 26,
    });
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as T;
  } catch (error) {
    const { killed, stderr = '', message } = error as Error & { killed?: boolean; stderr?: string };
    const why = killed ? `not done within ${LIMIT} s` : (/^\w*Error.*$/m.exec(stderr)?.[0] ?? message);
    console.error(why);
    return why;
  }
}

/** The library that counts copies; undefined without a compiler. */
async function copyCounter(): Promise<string | undefined> {
  const library = join(work, 'copied-bytes.so');
  const source = join(ROOT, 'bench/cuda/copied-bytes.c');
  return run('cc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl']).then(
    () => library,
    () => undefined,
  );
}

async function save(): Promise<void> {
  await writeFile(join(ROOT, 'bench/results/cuda.md'), cudaReport(figures));
}

await mkdir(work, { recursive: true });
if (!existsSync(model)) {
  await writeRandomCheckpoint(`${model}.partial`, LLAMA32_1B, true);
  await rename(`${model}.partial`, model);
}

// Nothing is timed here, so they may run side by side.
figures.agreement = await Promise.all(
  VARIANTS.map(async variant => ({ variant, models: await part<Agreement[]>('agreement', variant) })),
);
await save();
figures.memory = await part<MemoryFigures>('memory', [model]);
await save();
for (const variant of ENGINES) {
  const outcome = await part<RequestFigures>('requests', [STORIES, ...variant, '1000', '64']);
  figures.requests.push({ variant, outcome });
  await save();
}
for (const variant of SERVED) {
  figures.serving.push({ variant, outcome: await part<ServingFigures>('serving', [model, ...variant]) });
  await save();
}
const counter = await copyCounter();
const counting = counter === undefined ? {} : { LD_PRELOAD: counter, KVASIR_BENCH_COPIES: counter };
for (const variant of STEPS) {
  figures.steps.push({ variant, outcome: await part<StepFigures>('steps', [model, ...variant], counting) });
  await save();
}
