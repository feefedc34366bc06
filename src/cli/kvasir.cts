#!/usr/bin/env node
// CommonJS on purpose: libuv fixes the size of its thread pool at the first use, which loading an ES module
// already is. Every model under way holds a thread, and file and name look-ups must not queue behind them.
process.env.UV_THREADPOOL_SIZE ??= '16';

void import('./main.js').then(({ main }) => main(process.argv));
