/**
 * Loaded before a server (`node --import`): at each SIGUSR2 it writes how late timers came since the last one, in ms as a
 * list in JSON, to the file that KVASIR_BENCH_DELAYS names.
 */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { EventLoopDelay } from './event-loop-delay.js';

const file = process.env.KVASIR_BENCH_DELAYS;
if (isMainThread && file !== undefined) {
  const delay = new EventLoopDelay();
  delay.start();
  process.on('SIGUSR2', () => {
    writeFileSync(file, JSON.stringify(delay.stop()));
    delay.start();
  });
}
