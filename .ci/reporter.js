import { performance } from 'node:perf_hooks';
import { stringify } from 'yaml';

/** Lines of all that went wrong, of one failure, and of what a process that broke off printed last. */
const MOST_LINES = { all: 100, failure: 40, output: 15 };
const SLOWEST = 10;

/**
 * A reporter for tap (`tap --reporter=./.ci/reporter.js`): a line per test file when it is over; then, of all files, what failed and why,
 * or which were the slowest; and in the last line how many assertions passed and failed. tap gives its own events only to reporters that
 * are React components, so this is one, which renders nothing.
 *
 * @param {{ test: import('@tapjs/core').TestBase }} properties
 */
export default function Reporter({ test }) {
  /** @type {{ name: string; time: number }[]} */
  const files = [];
  const ends = new Map();
  /** @type {string[]} */
  const failed = [];
  /** @type {string[][]} */
  const details = [];

  test.on('spawn', file => {
    /** @type {string[]} */
    const output = [];
    /** @param {string | Buffer} text */
    const keep = text => {
      output.push(...String(text).trimEnd().split('\n'));
      output.splice(0, output.length - MOST_LINES.output);
    };
    file.parser.on('line', keep);
    file.on('process', process => process.stderr?.on('data', keep));

    let failures = 0;
    file.parser.on('fail', ({ fullname, diag }) => {
      failures++;
      failed.push(fullname);
      const why = stringify(diag ?? {})
        .trimEnd()
        .split('\n');
      details.push([fullname, ...firstOf(why, MOST_LINES.failure).map(line => `  ${line}`)]);
    });

    const start = performance.now();
    ends.set(file, () => {
      const time = performance.now() - start;
      files.push({ name: file.name, time });
      const ok = file.results?.ok === true;
      console.log(`${ok ? 'ok' : 'not ok'} ${files.length} ${file.name} ${seconds(time)}`);
      const { exitCode, signal } = file.options;
      if (ok || (failures > 0 && !signal)) return;
      const end = signal ? `ended by ${signal}` : `ended with status ${exitCode}`;
      failed.push(`${file.name} ${end}`);
      details.push([
        `${file.name} ${end} after ${seconds(time)}; its last output:`,
        ...output.map(line => `  ${line}`),
      ]);
    });
  });

  test.on('subtestEnd', file => ends.get(file)());

  // At the exit, since a runner that breaks off has to say what it knows, too.
  process.once('exit', () => {
    if (failed.length > 0) {
      console.log(`\n${failed.length} failed:`);
      console.log(
        firstOf([...failed, ...details.flatMap(lines => ['', ...lines])], MOST_LINES.all).join('\n'),
      );
    } else {
      files.sort((a, b) => b.time - a.time);
      console.log('\nThe slowest test files:');
      for (const { name, time } of files.slice(0, SLOWEST))
        console.log(`${seconds(time).padStart(7)} ${name}`);
    }
    console.log(`\n${test.counts.pass} passed, ${test.counts.fail} failed`);
  });
  return null;
}

/** @param {number} milliseconds */
function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/**
 * @param {string[]} lines
 * @param {number} most
 */
function firstOf(lines, most) {
  return lines.length <= most ? lines : [...lines.slice(0, most), `… ${lines.length - most} more lines`];
}
