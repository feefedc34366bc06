import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

// Else its servers would outlive a benchmark that is interrupted.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Of Linux' clock for processor times, in a second. */
const TICKS = 100;

/** A server under test, in a process of its own. */
export class ServerProcess {
  readonly name: string;
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(name: string, url: string, child: ChildProcess) {
    this.name = name;
    this.url = url;
    this.#child = child;
  }

  /**
   * @param ready path that answers 200 once the server is.
   * @throws when it ends or is not ready within ten minutes.
   */
  static async start(
    name: string,
    command: string,
    args: (port: number) => readonly string[],
    ready: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<ServerProcess> {
    const port = await freePort();
    // A group of its own, so that its own processes are stopped and ended with it.
    const child = spawn(command, args(port), {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
      env: { ...process.env, ...env },
    });
    process.once('exit', () => signal(child, 'SIGKILL'));
    let said = '';
    child.stderr.on('data', chunk => (said = (said + String(chunk)).slice(-2000)));
    const server = new ServerProcess(name, `http://127.0.0.1:${port}`, child);
    for (const deadline = Date.now() + 600_000; Date.now() < deadline; await sleep(200)) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`${name} ended (${child.signalCode ?? child.exitCode}): ${said}`);
      const answer = await fetch(server.url + ready).catch(() => undefined);
      if (answer?.ok) return server;
    }
    await server.close();
    throw new Error(`${name} was not ready in time: ${said}`);
  }

  /** Most memory that was resident so far, in bytes (Linux). */
  peakMemory(): Promise<number> {
    return this.#status('VmHWM');
  }

  /** Memory that is resident, in bytes (Linux). */
  memory(): Promise<number> {
    return this.#status('VmRSS');
  }

  async #status(field: string): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8');
    return 1024 * Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]);
  }

  /** Processor time that it took so far, over all cores, in seconds (Linux). */
  async processorSeconds(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/stat`, 'utf8');
    // The second field is its name, which may hold anything.
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  /** Sends a signal to the server alone, not to what it has started. */
  tell(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Takes no time from others until it is resumed. */
  pause(): void {
    signal(this.#child, 'SIGSTOP');
  }

  resume(): void {
    signal(this.#child, 'SIGCONT');
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exit;
  }
}

/** Signals a process and those that it has started. */
function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  try {
    process.kill(-pid!, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
