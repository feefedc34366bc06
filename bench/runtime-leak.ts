/**
 * Whether the runtime leaks: resident memory before and after many runs, each with tensors, bindings and options of its own.
 *
 * Run: `node dist/bench/runtime-leak.js`
 */
import { memoryOfRuns } from './support/runtime-memory.js';

const RUNS = 10_000;

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

const { before, after } = await memoryOfRuns(RUNS);
console.log(`resident after the warm-up ${mebibytes(before)}, after ${RUNS} runs more ${mebibytes(after)}`);
console.log(`growth ${mebibytes(after - before)}, ${((after - before) / RUNS).toFixed(1)} bytes a run`);
