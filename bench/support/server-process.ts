import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

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
  ): Promise<ServerProcess> {
    const port = await freePort();
    const child = spawn(command, args(port), { stdio: ['ignore', 'ignore', 'pipe'] });
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
  async peakMemory(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8');
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exit;
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
