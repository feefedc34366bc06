/**
 * Loaded into a served process beside `--expose-gc`: SIGUSR2 collects its garbage, so that memory in use can be
 * told from memory that V8 had no reason to collect yet.
 */
process.on('SIGUSR2', () => globalThis.gc!());
