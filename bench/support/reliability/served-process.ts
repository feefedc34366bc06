import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ENTRY = fileURLToPath(new URL('../../../src/cli/kvasir.cjs', import.meta.url));

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

/** A `kvasir serve` of its own, and what can be seen of it from outside. */
export class ServedProcess {
  readonly url: string;
  readonly exit: Promise<number | null>;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.url = url;
    this.exit = once(process, 'exit').then(([code]) => code as number | null);
  }

  /** Starts it with these arguments, on a free port. What it writes to standard error is passed on. */
  static async start(args: readonly string[]): Promise<ServedProcess> {
    const child = spawn(process.execPath, [ENTRY, 'serve', '--port', '0', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8');
    for await (const text of child.stdout as AsyncIterable<string>) {
      output += text;
      const [, url] = / on (http:\S+)\n/.exec(output) ?? [];
      if (url !== undefined) return new ServedProcess(child, url);
    }
    throw new Error('the server did not start');
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

  /** Waits until nothing runs or waits, and connections that were left have been noticed. */
  async settle(): Promise<Sample> {
    const deadline = performance.now() + 30_000;
    let last = await this.sample();
    for (let calm = 0; calm < 5 && performance.now() < deadline;) {
      await new Promise(resolve => setTimeout(resolve, 500));
      const next = await this.sample();
      calm = next.running + next.waiting === 0 && next.files <= last.files ? calm + 1 : 0;
      last = next;
    }
    return last;
  }
}
