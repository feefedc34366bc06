import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The program `kvasir`. */
export const ENTRY = fileURLToPath(new URL('../../../src/cli/kvasir.cjs', import.meta.url));

const COLLECT_GARBAGE = new URL('collect-garbage.js', import.meta.url).href;

/** What a server says of itself at one moment. */
export interface Sample {
  /** Sequences and inputs under way, and those that wait. */
  readonly running: number;
  readonly waiting: number;
  /** Bytes of resident memory, and of JavaScript's heap in use. */
  readonly resident: number;
  readonly heap: number;
  /** Open file descriptors, sockets included. */
  readonly files: number;
  /** Tokens of the KV cache that running sequences hold, as a share of it. */
  readonly cacheUse: number;
  readonly preemptions: number;
}

/** Nothing is left where the benchmark fails. */
const started = new Set<ChildProcess>();
process.once('exit', () => started.forEach(child => child.kill('SIGKILL')));

/** A `kvasir serve` of its own, and what can be seen of it from outside. */
export class ServedProcess {
  readonly url: string;
  readonly exit: Promise<number | null>;
  readonly #process: ChildProcess;
  readonly #log: readonly string[];

  private constructor(child: ChildProcess, url: string, log: readonly string[]) {
    this.#process = child;
    this.#log = log;
    this.url = url;
    this.exit = once(child, 'exit').then(([code]) => code as number | null);
  }

  /**
   * Starts it with these arguments, on a free port.
   *
   * @param keys those that clients must have; without any, all are allowed.
   */
  static async start(args: readonly string[], keys: readonly string[] = []): Promise<ServedProcess> {
    const flags = ['--expose-gc', '--import', COLLECT_GARBAGE];
    const child = spawn(process.execPath, [...flags, ENTRY, 'serve', '--port', '0', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(keys.length > 0 && { KVASIR_API_KEYS: keys.join(',') }) },
    });
    started.add(child);
    const log: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => log.push(text));
    child.stdout.setEncoding('utf8');
    let output = '';
    for await (const text of child.stdout as AsyncIterable<string>) {
      output += text;
      const [, url] = / on (http:\S+)\n/.exec(output) ?? [];
      if (url !== undefined) return new ServedProcess(child, url, log);
    }
    throw new Error(`the server did not start: ${log.join('')}`);
  }

  /** What it has written to standard error. */
  get log(): string {
    return this.#log.join('');
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get id(): number {
    return this.#process.pid!;
  }

  terminate(): void {
    this.#process.kill('SIGTERM');
  }

  /** Ends it, whatever it is at. */
  async end(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.exit;
  }

  async sample(): Promise<Sample> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const sum = (name: string): number =>
      [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))].reduce(
        (total, [, value]) => total + Number(value),
        0,
      );
    return {
      running: sum('vllm:num_requests_running'),
      waiting: sum('vllm:num_requests_waiting'),
      resident: sum('process_resident_memory_bytes'),
      heap: sum('nodejs_heap_size_used_bytes'),
      files: sum('process_open_fds'),
      cacheUse: sum('vllm:kv_cache_usage_perc'),
      preemptions: sum('vllm:num_preemptions_total'),
    };
  }

  /** Waits until a sample is as wanted, and returns it, or the last one after so many milliseconds. */
  async until(wanted: (sample: Sample) => boolean, patience = 30_000): Promise<Sample> {
    const deadline = performance.now() + patience;
    for (;;) {
      const sample = await this.sample();
      if (wanted(sample) || performance.now() > deadline) return sample;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }

  /**
   * Waits until nothing runs or waits, connections that were left have been noticed, and garbage is collected.
   */
  async settle(): Promise<Sample> {
    const deadline = performance.now() + 30_000;
    let last = await this.sample();
    for (let calm = 0; calm < 5 && performance.now() < deadline;) {
      await new Promise(resolve => setTimeout(resolve, 500));
      const next = await this.sample();
      calm = next.running + next.waiting === 0 && next.files <= last.files ? calm + 1 : 0;
      last = next;
    }
    // Twice: what finalizers let go of is collected by the next one.
    for (let i = 0; i < 2; i++) {
      this.#process.kill('SIGUSR2');
      await new Promise(resolve => setTimeout(resolve, 500));
    }
    return this.sample();
  }
}
