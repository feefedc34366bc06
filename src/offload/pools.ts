import { WorkerPool } from './pool.js';

/** Tokenizers of large vocabularies take some hundred megabytes; with a gigabyte, an array could grow so far that V8 ends the process. */
export const TEXTS = new WorkerPool({ threads: 2, heap: 768, timeLimit: 30_000 });

/** Templates take a millisecond, so that one that takes two seconds will not end. */
export const TEMPLATES = new WorkerPool({ threads: 1, heap: 128, timeLimit: 2000 });
