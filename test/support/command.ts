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
  /** Most files that it may have open; POSIX systems only. */
  readonly openFiles?: number;
  /** True if a shell waits for it, and is what gets signals; POSIX systems only. */
  readonly waitingShell?: boolean;
}

/**
 * A command line without what the test runner preloads in every process: it makes a start twice as long, and would end a process at a
 * limit's signal, which Node.js ignores. The runner adds it to any environment, so that only a shell in between can take it away.
 *
 * @param first what the shell does first.
 */
export function withoutPreloads(command: readonly string[], first = ''): readonly string[] {
  if (process.platform === 'win32') return command;
  return ['sh', '-c', `unset NODE_OPTIONS; ${first} exec "$@"`, 'sh', ...command];
}

/** Starts `kvasir` with these arguments, and ends it with the test. */
export function startCommand(
  t: { teardown(kill: () => Promise<void>): void },
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { fileBlocks, openFiles, waitingShell = false }: CommandLimits = {},
): Command {
  const limits = [
    ...(fileBlocks === undefined ? [] : [`ulimit -f ${fileBlocks};`]),
    ...(openFiles === undefined ? [] : [`ulimit -n ${openFiles};`]),
  ];
  const shell = waitingShell ? ['sh', '-c', '"$@"; exit $?', 'sh'] : [];
  const [program, ...rest] = withoutPreloads([...shell, process.execPath, ENTRY, ...args], limits.join(' '));
  const child = spawn(program!, rest, { env: { ...process.env, ...env } });
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
