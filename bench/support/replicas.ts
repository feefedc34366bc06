import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../../', import.meta.url);
const KVASIR = fileURLToPath(new URL('dist/src/cli/kvasir.cjs', ROOT));
const CONFIGURATION = new URL('docker/haproxy/haproxy.cfg', ROOT);

/** A model that comes with Kvasir. */
export const MODEL = 'kvasir-stories-3m';
const FOLDER = fileURLToPath(new URL(`models/${MODEL}`, ROOT));

/** Replicas of a server, and HAProxy in front, with the configuration of `docker/haproxy`. */
export interface Replicas extends AsyncDisposable {
  readonly processes: readonly ChildProcess[];
  /** HAProxy's address that sends prompts which begin alike to the same replica. */
  readonly affine: string;
  /** The one that sends each request to the replica with the fewest. */
  readonly leastLoaded: string;
}

/** HAProxy's name and version; undefined where it is not installed. */
export function haproxyVersion(): string | undefined {
  const { status, stdout } = spawnSync('haproxy', ['-v'], { encoding: 'utf8' });
  return status === 0 ? /^.*?\d[^ ]*/.exec(stdout)?.[0] : undefined;
}

/**
 * Starts three replicas and HAProxy, and waits until they answer. Disposing ends them.
 *
 * @param folder for HAProxy's configuration.
 * @param settings of the replicas, as on the command line.
 */
export async function startReplicas(folder: string, settings: readonly string[]): Promise<Replicas> {
  const ports = await freePorts(5);
  const [affinePort, leastLoadedPort] = ports.slice(3) as [number, number];
  const processes: ChildProcess[] = [];
  // Where nobody disposes them, as at a failed assertion outside of a test, they must not outlive this process.
  process.once('exit', () => processes.forEach(child => child.kill('SIGKILL')));
  const close = async (): Promise<void> => {
    for (const child of processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  };
  try {
    for (const port of ports.slice(0, 3)) {
      const args = [
        'serve',
        `${MODEL}=${FOLDER}`,
        '--port',
        String(port),
        '--log-level',
        'silent',
        ...settings,
      ];
      processes.push(spawn(process.execPath, [KVASIR, ...args], { stdio: ['ignore', 'ignore', 'inherit'] }));
      // One after the other, since the first one builds the graph.
      await answers(`http://127.0.0.1:${port}/health/ready`);
    }
    const configuration = readFileSync(CONFIGURATION, 'utf8')
      .replace(/kvasir-([123]):8080/g, (_, index: string) => `127.0.0.1:${ports[Number(index) - 1]}`)
      .replace('bind :8080', `bind 127.0.0.1:${affinePort}`)
      .replace('bind :8081', `bind 127.0.0.1:${leastLoadedPort}`);
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, configuration);
    processes.push(spawn('haproxy', ['-q', '-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] }));
    const [affine, leastLoaded] = [affinePort, leastLoadedPort].map(port => `http://127.0.0.1:${port}`);
    await answers(`${affine}/health/ready`);
    await answers(`${leastLoaded}/health/ready`);
    return { processes, affine: affine!, leastLoaded: leastLoaded!, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function answers(url: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const response = await fetch(url).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.ok) return;
    await sleep(50);
  }
  throw new Error(`${url} does not answer`);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports: number[] = [];
  for (const server of servers) {
    if (!server.listening) await once(server, 'listening');
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) server.close();
  return ports;
}
