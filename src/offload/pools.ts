import { WorkerPool } from './pool.js';
import { Processes } from './processes.js';
import { Threads } from './threads.js';

/** For texts of requests, with tokenizers that do no more than read them. */
export const TEXTS = new WorkerPool(new Threads(2, 30_000));

/**
 * For programs of a model's publisher: chat templates, and tokenizers whose rules may take for ever or grow
 * without end.
 */
export const STRANGERS = new WorkerPool(new Processes(2000, 256));

/**
 * For structures: their budget ends after a second on a slow processor, so that the limit of time is never
 * met.
 */
export const STRUCTURES = new WorkerPool(new Threads(1, 5000));
