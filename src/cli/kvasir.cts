#!/usr/bin/env node
// CommonJS on purpose: loading an ES module already uses the thread pool.
import startThreadPool = require('./thread-pool.cjs');

startThreadPool();

/** Fewer open files than this are not enough for the program's own. */
const FEWEST_FILES = 256;

/** Milliseconds between two looks at who started this process. */
const PARENT_INTERVAL = 500;

// npx starts programs by a shell, and passes SIGTERM on to that shell only: what tells of it here is that the parent is gone.
if (process.env.npm_command === 'exec') {
  const parent = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(look);
    process.kill(process.pid, 'SIGTERM');
  }, PARENT_INTERVAL);
  look.unref();
}

if (isSupported(process.versions.node))
  void import('./main.js')
    .then(({ main }) => main(process.argv))
    .catch((error: unknown) => {
      const want = wantOf(error);
      if (want === undefined) throw error;
      fail(want);
    });
else fail(`Node.js 20.19 or later of 20, or 22.12 or later, is needed; this is ${process.version}`);

function fail(reason: string): void {
  process.stderr.write(`kvasir: ${reason}\n`);
  process.exitCode = 1;
}

/** As package.json says under `engines`. Older versions cannot require modules that some packages consist of. */
function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
}

/** What this process has too little of, and what to change; undefined where the error is another one. */
function wantOf(error: unknown): string | undefined {
  const { code, message } = Object(error) as { code?: string; message?: string };
  const files = openFiles();
  // Node.js takes a package for missing when it cannot open its files.
  const isOfFiles = code === 'EMFILE' || (code === 'ERR_MODULE_NOT_FOUND' && files < FEWEST_FILES);
  if (isOfFiles)
    return `the process may have ${files} files open, which is too few: set ulimit -n to 1024 or more`;
  if (code === 'ENFILE') return 'the system has too many files open: raise its limit (fs.file-max on Linux)';
  if (code === 'ENOMEM' || /allocation failed|out of memory|bad_alloc/i.test(message ?? ''))
    return `there is not enough memory (${message}): serve fewer or smaller models, or give the process more`;
  return undefined;
}

function openFiles(): number {
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { soft?: number | 'unlimited' } };
  };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Infinity;
}
