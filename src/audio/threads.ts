import { availableParallelism } from 'node:os';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import type { Opening } from './protocol.js';
import type { AudioLimits } from './types.js';

/** Milliseconds that a thread without work is kept. */
const IDLE = 60_000;

interface Thread {
  readonly worker: Worker;
  /** Recordings that it decodes. */
  recordings: number;
  idle: NodeJS.Timeout | undefined;
}

/**
 * Threads that decode recordings, as many as there are cores at most, each of them several in turns: a recording is
 * decoded faster than it is listened to, so that none waits for another one's end.
 */
export class AudioThreads {
  readonly #most: number;
  readonly #threads = new Set<Thread>();

  constructor(most: number = availableParallelism()) {
    this.#most = most;
  }

  /**
   * Begins to decode a recording.
   *
   * @param blocks where its sound goes, see {@link Opening}.
   * @returns its port. Closing it ends the work; it closes by itself only where the thread ends.
   */
  open(limits: AudioLimits, blocks: SharedArrayBuffer): MessagePort {
    const thread = this.#leastBusy();
    clearTimeout(thread.idle);
    const { port1, port2 } = new MessageChannel();
    thread.recordings++;
    port1.on('close', () => {
      thread.recordings--;
      if (thread.recordings === 0) thread.idle = setTimeout(() => void this.#end(thread), IDLE).unref();
    });
    const opening: Opening = { port: port2, limits, blocks };
    thread.worker.postMessage(opening, [port2]);
    return port1;
  }

  /** Ends all threads; recordings under way are lost. */
  async end(): Promise<void> {
    await Promise.all([...this.#threads].map(thread => this.#end(thread)));
  }

  #leastBusy(): Thread {
    const [thread] = [...this.#threads].sort((a, b) => a.recordings - b.recordings);
    const isFull = this.#threads.size >= this.#most;
    return thread !== undefined && (thread.recordings === 0 || isFull) ? thread : this.#start();
  }

  #start(): Thread {
    const worker = new Worker(new URL('./worker.js', import.meta.url));
    const thread: Thread = { worker, recordings: 0, idle: undefined };
    // The ports of recordings keep the process alive, an idle thread does not.
    worker.unref();
    // Its ports close, which is said where they are read.
    worker.on('error', () => undefined);
    worker.on('exit', () => this.#threads.delete(thread));
    this.#threads.add(thread);
    return thread;
  }

  async #end(thread: Thread): Promise<void> {
    this.#threads.delete(thread);
    clearTimeout(thread.idle);
    await thread.worker.terminate();
  }
}
