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

/** Starts `kvasir` with these arguments, and ends it with the test. */
export function startCommand(
  t: { teardown(kill: () => Promise<void>): void },
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Command {
  const child = spawn(process.execPath, [ENTRY, ...args], { env: { ...process.env, ...env } });
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
