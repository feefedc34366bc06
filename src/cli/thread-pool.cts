import fs = require('node:fs');
import os = require('node:os');

/** Every model under way holds a thread, and file and name look-ups must not queue behind them. */
const SIZE = '16';

/**
 * How much nicer the pool is than the event loop (see nice(2)). Models run on the pool, and ONNX Runtime's own threads,
 * which are begun there, are as nice: on few cores, whoever computes lets the loop read and write first.
 */
const NICER = 5;

/** What Linux says of this process' threads. */
const THREADS = '/proc/self/task';

/**
 * Starts libuv's thread pool. It is the first use of the pool that fixes its size, so this goes before anything else,
 * loading an ES module included.
 */
function startThreadPool(): void {
  process.env.UV_THREADPOOL_SIZE ??= SIZE;
  const before = new Set(threads());
  fs.stat('.', () => undefined);
  const priority = Math.min(os.getPriority() + NICER, os.constants.priority.PRIORITY_LOW);
  for (const thread of threads()) if (!before.has(thread)) give(thread, priority);
}

/** None where the system does not tell of them as Linux does. */
function threads(): number[] {
  try {
    return fs.readdirSync(THREADS).map(Number);
  } catch {
    return [];
  }
}

function give(thread: number, priority: number): void {
  try {
    os.setPriority(thread, priority);
  } catch {
    // Where that is forbidden all threads are equal, as they were.
  }
}

export = startThreadPool;
