/**
 * Peak memory of building a large model: writes a checkpoint of random weights in a real model's shape, builds it with `kvasir build` in a
 * process of its own, and compares the most that this process had resident with the checkpoint's largest tensor. Resident is what
 * `VmHWM` of Linux' `/proc` says: the process's own memory and mapped files; the page cache of files that are read and written is not in it.
 *
 * Run: `npm run build && node dist/bench/build-memory.js FOLDER [int4,int8,f32] [LAYERS]`, with a folder on a disk that has room for
 * the checkpoint (16 GB) and one build (f32: 32 GB); everything in it is removed again
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesOf, writeRandomCheckpoint } from './support/random-checkpoint.js';
import type { LlamaSizes } from './support/random-model.js';

/** The shape of Llama 3.1 8B: https://huggingface.co/meta-llama/Llama-3.1-8B, with a shorter context. */
const LLAMA_8B: LlamaSizes = {
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  vocab_size: 128256,
  max_position_embeddings: 8192,
};

const COMMAND = fileURLToPath(new URL('../src/cli/kvasir.cjs', import.meta.url));
/** Milliseconds between two looks at a process; the peak that it tells is kept by the kernel. */
const INTERVAL = 100;

interface Outcome {
  readonly stdout: string;
  /** Bytes. */
  readonly peak: number;
  readonly seconds: number;
}

async function main(folder: string, precisions: readonly string[], layers: number): Promise<void> {
  const sizes = { ...LLAMA_8B, num_hidden_layers: layers };
  const model = join(folder, 'random-llama-8b');
  await rm(model, { recursive: true, force: true });
  try {
    await writeRandomCheckpoint(model, sizes);
    const largest = bytesOf([sizes.vocab_size, sizes.hidden_size]);
    const idle = await watch(['inspect', model]);
    console.log(`Llama 3.1 8B's shape with ${layers} layers, BF16; memory in MB (10^6 bytes)`);
    console.log(`largest tensor: ${mega(largest)} stored, ${mega(2 * largest)} in single precision`);
    console.log(`a process that only reads the headers: ${mega(idle.peak)}`);
    console.log('');
    console.log('| precision | peak | peak / largest tensor as stored | graph | seconds |');
    console.log('| --------- | ---: | ------------------------------: | ----: | ------: |');
    for (const precision of precisions) {
      const { stdout, peak, seconds } = await watch(['build', model, '--precision', precision]);
      const graph = await stat(`${stdout.trim()}.data`);
      const ratio = (peak / largest).toFixed(2);
      console.log(
        `| ${precision} | ${mega(peak)} | ${ratio} | ${mega(graph.size)} | ${seconds.toFixed(0)} |`,
      );
      await rm(join(model, '.kvasir'), { recursive: true });
    }
  } finally {
    await rm(model, { recursive: true, force: true });
  }
}

/** Runs `kvasir` and watches its memory. */
async function watch(args: readonly string[]): Promise<Outcome> {
  const started = performance.now();
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  let peak = 0;
  const look = setInterval(() => {
    void peakOf(child.pid!).then(bytes => (peak = Math.max(peak, bytes)));
  }, INTERVAL);
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(look);
  if (code !== 0) throw new Error(`kvasir ${args.join(' ')} ended with ${code}`);
  return { stdout, peak, seconds: (performance.now() - started) / 1000 };
}

/** The most that a process has had resident so far, in bytes; 0 where it has ended. */
async function peakOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

const [folder, precisions = 'int4,int8,f32', layers = String(LLAMA_8B.num_hidden_layers)] =
  process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node dist/bench/build-memory.js FOLDER [PRECISIONS] [LAYERS]');
  process.exitCode = 2;
} else {
  await main(folder, precisions.split(','), Number(layers));
}
