import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ENTRY = fileURLToPath(new URL('../../src/cli/kvasir.cjs', import.meta.url));

/** A `kvasir` process and what it has printed so far. */
export interface Command {
  readonly process: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** @returns the exit code, or the signal that ended it. */
  readonly exit: Promise<number | NodeJS.Signals>;
}

/** What a command may use. */
export interface CommandLimits {
  /** Longest file that it may write, in blocks of 512 bytes; POSIX systems only. */
  readonly fileBlocks?: number;
}

/** Starts `kvasir` with these arguments, and ends it with the test. */
export function startCommand(
  t: { teardown(kill: () => Promise<void>): void },
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { fileBlocks }: CommandLimits = {},
): Command {
  const whole = [process.execPath, ENTRY, ...args];
  const limited = `ulimit -f ${fileBlocks}; exec "$@"`;
  const [program, ...rest] = fileBlocks === undefined ? whole : ['sh', '-c', limited, 'sh', ...whole];
  // What the test runner preloads takes time, and would end the process at the limit's signal, which Node.js ignores.
  const child = spawn(program!, rest, { env: { ...process.env, NODE_OPTIONS: undefined, ...env } });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  const exit = once(child, 'close').then(
    ([code, signal]) => (code as number | null) ?? (signal as NodeJS.Signals),
  );
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  return { process: child, stdout: () => output.stdout, stderr: () => output.stderr, exit };
}
