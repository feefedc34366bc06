import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { JobEnded, type Executor } from './executor.js';
import { READY } from './ready.js';
import type { JobResult } from './worker.js';

/** Milliseconds that a process may take to start, which no job's time is counted for. */
const START_LIMIT = 30_000;

/**
 * Processes of their own, for programs of strangers: V8 ends the whole process where one of its threads has
 * no memory left for an array that grows, whatever limit the thread has. A process starts with the first job,
 * and ends when it has been idle for a minute.
 */
export class Processes implements Executor {
  readonly width = 1;
  readonly #timeLimit: number;
  readonly #heap: number;
  #child: ChildProcess | undefined;
  #isReady = false;
  #idle: NodeJS.Timeout | undefined;

  /**
   * @param timeLimit milliseconds after which a job is ended, and its process with it.
   * @param heap megabytes of JavaScript objects that a process may hold.
   */
  constructor(timeLimit: number, heap: number) {
    this.#timeLimit = timeLimit;
    this.#heap = heap;
  }

  async execute<T>(name: string, data: unknown): Promise<JobResult<T>> {
    clearTimeout(this.#idle);
    const child = (this.#child ??= this.#start());
    try {
      return await new Promise<JobResult<T>>((resolve, reject) => {
        const end = (settle: () => void): void => {
          clearTimeout(timer);
          child.off('message', onMessage);
          child.off('exit', onExit);
          settle();
        };
        const onMessage = (message: unknown): void => {
          if (message !== READY)
            return end(() =>
              isFailure(message)
                ? reject(new JobEnded(`fails (${message.failure})`))
                : resolve(message as JobResult<T>),
            );
          this.#isReady = true;
          clearTimeout(timer);
          timer = setTimeout(tooLong, this.#timeLimit);
        };
        const onExit = (): void =>
          end(() => reject(new JobEnded(`takes more than ${this.#heap} MiB of memory`)));
        const tooLong = (): void => {
          end(() => reject(new JobEnded(`takes more than ${this.#timeLimit / 1000} seconds`)));
          child.kill('SIGKILL');
        };
        let timer = setTimeout(tooLong, this.#isReady ? this.#timeLimit : START_LIMIT);
        child.on('message', onMessage);
        child.on('exit', onExit);
        child.send({ name, data });
      });
    } catch (error) {
      this.#child = undefined;
      throw error;
    } finally {
      this.#idle = setTimeout(() => this.#stop(), 60_000);
      this.#idle.unref();
    }
  }

  #start(): ChildProcess {
    const child = fork(fileURLToPath(new URL('./process.js', import.meta.url)), [], {
      execArgv: [`--max-old-space-size=${this.#heap}`],
      serialization: 'advanced',
      // What V8 prints when it ends a process for want of memory is said in a sentence of ours.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#isReady = false;
    child.on('error', () => undefined);
    // Neither the process nor the channel keeps this one alive.
    child.unref();
    child.channel?.unref();
    return child;
  }

  #stop(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

/** What a process says of an error that it did not expect. */
function isFailure(result: unknown): result is { readonly failure: string } {
  return 'failure' in (result as object);
}
