import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Parser } from 'tap-parser';
import { stringify } from 'yaml';

/** Files at once: one more than processors, since many tests wait for a while; no more than some, which take memory. */
const JOBS = Math.min(availableParallelism(), 7) + 1;

/** Seconds that a file may take, and how many more until its process is killed, which tap ends by itself. */
const TIMEOUT = { tap: 300, process: 330 };

/** Lines of all that went wrong, of one failure, and of what a process that broke off printed last. */
const MOST_LINES = { all: 100, failure: 40, output: 15 };
const SLOWEST = 10;

/** What a test file came to. */
interface Outcome {
  readonly name: string;
  /** Milliseconds. */
  readonly time: number;
  readonly passed: number;
  readonly failed: readonly { readonly name: string; readonly why: readonly string[] }[];
}

/** All test files, or those named as arguments, each in a process of its own. */
const named = process.argv.slice(2);
const files = named.length > 0 ? named : testFiles(import.meta.dirname);
const outcomes: Outcome[] = [];
// At the exit, since a run that breaks off has to say what it knows, too.
process.once('exit', () => summarize(outcomes));
await Promise.all(
  Array.from({ length: JOBS }, async () => {
    for (let file = files.shift(); file !== undefined; file = files.shift()) {
      const outcome = await runFile(file);
      outcomes.push(outcome);
      const { name, time, failed } = outcome;
      console.log(`${failed.length === 0 ? 'ok' : 'not ok'} ${outcomes.length} ${name} ${seconds(time)}`);
      if (failed.length > 0) process.exitCode = 1;
    }
  }),
);

/** @returns the compiled test files below a folder, in order. */
function testFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.js'))
    .sort()
    .map(name => join(folder, name));
}

/**
 * Runs a test file and reads what it reports. Its process has none of what tap's own runner loads into every process to follow the files
 * that it imports, which takes longer than most tests.
 */
async function runFile(file: string): Promise<Outcome> {
  const name = relative(process.cwd(), file);
  const failed: { name: string; why: string[] }[] = [];
  const output: string[] = [];
  const keep = (text: string | Buffer): void => {
    output.push(...String(text).trimEnd().split('\n'));
    output.splice(0, output.length - MOST_LINES.output);
  };
  let passed = 0;
  const parser = new Parser();
  parser.on('line', keep);
  parser.on('pass', () => passed++);
  parser.on('fail', ({ fullname, diag }: { fullname: string; diag: unknown }) => {
    const why = stringify(diag ?? {})
      .trimEnd()
      .split('\n');
    failed.push({ name: `${name} > ${fullname}`, why: firstOf(why, MOST_LINES.failure) });
  });

  const start = performance.now();
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TAP: '1', TAP_TIMEOUT: String(TIMEOUT.tap) },
    timeout: TIMEOUT.process * 1000,
    killSignal: 'SIGKILL',
  });
  child.stdout.pipe(parser);
  child.stderr.on('data', keep);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  const time = performance.now() - start;
  const broken = signal !== null || (code !== 0 && failed.length === 0);
  if (broken || parser.results?.ok === false) {
    const end = signal === null ? `ended with status ${code}` : `ended by ${signal}`;
    if (broken || failed.length === 0)
      failed.push({
        name: `${name} ${end} after ${seconds(time)}`,
        why: ['its last output:', ...output.map(line => `  ${line}`)],
      });
  }
  return { name, time, passed, failed };
}

/** What failed and why, or which files were the slowest; in the last line how many assertions passed and failed. */
function summarize(outcomes: readonly Outcome[]): void {
  const failed = outcomes.flatMap(outcome => outcome.failed);
  if (failed.length > 0) {
    const lines = [
      ...failed.map(({ name }) => name),
      ...failed.flatMap(({ name, why }) => ['', name, ...why.map(line => `  ${line}`)]),
    ];
    console.log(`\n${failed.length} failed:\n${firstOf(lines, MOST_LINES.all).join('\n')}`);
  } else {
    console.log('\nThe slowest test files:');
    for (const { name, time } of outcomes.toSorted((a, b) => b.time - a.time).slice(0, SLOWEST))
      console.log(`${seconds(time).padStart(7)} ${name}`);
  }
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  console.log(`\n${passed} passed, ${failed.length} failed`);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function firstOf(lines: readonly string[], most: number): string[] {
  return lines.length <= most ? [...lines] : [...lines.slice(0, most), `… ${lines.length - most} more lines`];
}
