/**
 * Loaded before a server (`node --import`): at each SIGUSR2 it writes how late timers came since the last one, the 99th
 * percentile in ms, to the file that KVASIR_BENCH_DELAYS names.
 */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { EventLoopDelay } from './event-loop-delay.js';
import { quantile } from './statistics.js';

const file = process.env.KVASIR_BENCH_DELAYS;
if (isMainThread && file !== undefined) {
  const delay = new EventLoopDelay();
  delay.start();
  process.on('SIGUSR2', () => {
    writeFileSync(file, String(quantile(delay.stop(), 0.99)));
    delay.start();
  });
}
