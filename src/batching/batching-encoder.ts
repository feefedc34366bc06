import type { Caller } from '#caller.js';
import { KvasirError } from '#errors.js';
import type { EncoderOutput } from '#model/encoder/contract.js';
import { Places } from '#places.js';
import type { Batched } from './batched.js';
import { BatchScheduler, type Batchable, type BatchOptions } from './scheduler.js';
import type { EncoderService, EncoderStats, OneShotInput } from './types.js';

export interface BatchingOptions extends BatchOptions {
  /** Batches that run at once. */
  readonly concurrency: number;
  /** How many inputs may wait, see {@link Places}; any number of one request where none waits. */
  readonly maxWaiting: number;
}

/**
 * For processors: from some 128 tokens on, a token costs the same however many there are (MiniLM-L6, one thread: 0.16 ms of 64 tokens,
 * 0.145 ms of 132, 0.149 ms of 1056), and a larger batch only makes the others wait.
 */
const DEFAULT_BATCHING_OPTIONS: BatchingOptions = {
  maxTokens: 512,
  maxPadding: 0.1,
  smallBatch: 128,
  concurrency: 1,
  maxWaiting: 4096,
};

/** A call of `encode` that is under way. */
interface Request {
  readonly client: string;
  readonly outputs: EncoderOutput[];
  missing: number;
  /** Inputs that no batch has yet. */
  waiting: number;
  readonly settle: (error?: Error) => void;
}

interface Job extends Batchable {
  readonly owner: Request;
  readonly input: OneShotInput;
  /** Place of the result. */
  readonly index: number;
}

/** Merges requests into batches by tokens. While nothing runs, a request starts at once: it waits for none that may come. */
export class BatchingEncoder implements EncoderService {
  readonly #model: Batched;
  readonly #options: BatchingOptions;
  readonly #scheduler: BatchScheduler<Job>;
  /** Of inputs that wait, or will. */
  readonly #places: Places;
  readonly #requests = new Set<Request>();
  readonly #runs = new Set<Promise<void>>();
  #starting = false;
  #closing: Promise<void> | undefined;
  #running = 0;
  #batches = 0;
  #tokens = 0;
  #padding = 0;

  /** @param model disposed of when the service is closed. */
  constructor(model: Batched, options: Partial<BatchingOptions> = {}) {
    this.#model = model;
    this.#options = { ...DEFAULT_BATCHING_OPTIONS, ...options };
    this.#scheduler = new BatchScheduler(this.#options);
    this.#places = new Places(this.#options.maxWaiting);
  }

  async encode(
    inputs: readonly OneShotInput[],
    { signal, client = '' }: Partial<Caller> = {},
  ): Promise<EncoderOutput[]> {
    const costs = inputs.map((input, index) => this.#model.costOf(input, index));
    if (this.#closing !== undefined) throw shuttingDown();
    if (signal?.aborted) throw cancelled();
    if (inputs.length === 0) return [];
    this.#takePlaces(inputs.length, client);
    const outputs = new Array<EncoderOutput>(inputs.length);
    await new Promise<void>((resolve, reject) => {
      const cancel = (): void => this.#end(request, cancelled());
      const request: Request = {
        client,
        outputs,
        missing: inputs.length,
        waiting: inputs.length,
        settle: error => {
          signal?.removeEventListener('abort', cancel);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      signal?.addEventListener('abort', cancel, { once: true });
      this.#requests.add(request);
      this.#scheduler.add(
        inputs.map((input, index) => ({ ...costs[index]!, owner: request, client, input, index })),
      );
      this.#startSoon();
    });
    return outputs;
  }

  reserve(count: number, client = ''): () => void {
    if (this.#closing !== undefined) throw shuttingDown();
    this.#takePlaces(count, client);
    return () => this.#places.free(client, count);
  }

  stats(): EncoderStats {
    return {
      waiting: this.#scheduler.waiting,
      running: this.#running,
      batches: this.#batches,
      tokens: this.#tokens,
      padding: this.#padding,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const request of this.#requests) this.#end(request, shuttingDown());
    this.#model.abort();
    await Promise.all(this.#runs);
    this.#model.dispose();
  }

  /** @throws KvasirError `queue_full` */
  #takePlaces(count: number, client: string): void {
    const { taken, total } = this.#places;
    const isFree = this.#runs.size < this.#options.concurrency;
    if (taken === 0 ? total === 0 && !isFree : !this.#places.has(client, count))
      throw new KvasirError('queue_full', `${taken} inputs are already waiting; try again later`);
    this.#places.take(client, count);
  }

  /** Lets the requests that arrive in the same turn of the event loop into the first batch. */
  #startSoon(): void {
    if (this.#starting || this.#runs.size >= this.#options.concurrency) return;
    this.#starting = true;
    setImmediate(() => {
      this.#starting = false;
      this.#start();
    });
  }

  #start(): void {
    while (this.#closing === undefined && this.#runs.size < this.#options.concurrency) {
      const jobs = this.#scheduler.next();
      if (jobs.length === 0) return;
      const run = this.#run(jobs).finally(() => {
        this.#runs.delete(run);
        // The callers' next requests come in this turn; a batch that has none of them would be the poorer.
        this.#startSoon();
      });
      this.#runs.add(run);
    }
  }

  async #run(jobs: readonly Job[]): Promise<void> {
    const tokens = jobs.reduce((sum, job) => sum + job.length, 0);
    const longest = jobs.reduce((max, job) => Math.max(max, job.length), 0);
    this.#running += jobs.length;
    this.#batches++;
    this.#tokens += tokens;
    this.#padding += longest * jobs.length - tokens;
    for (const { owner } of jobs) {
      owner.waiting--;
      this.#places.free(owner.client, 1);
    }
    try {
      const outputs = await this.#model.run(jobs.map(job => job.input));
      jobs.forEach(({ owner, index }, i) => {
        owner.outputs[index] = outputs[i]!;
        if (!isNumeric(outputs[i]!)) this.#end(owner, brokenModel());
        else if (--owner.missing === 0) this.#end(owner);
      });
    } catch (error) {
      // A run that fails takes its own requests with it, and nothing else.
      for (const { owner } of jobs) this.#end(owner, error as Error);
    } finally {
      this.#running -= jobs.length;
    }
  }

  /** Once: what comes later for the request is dropped. */
  #end(request: Request, error?: Error): void {
    if (!this.#requests.delete(request)) return;
    this.#scheduler.remove(request);
    this.#places.free(request.client, request.waiting);
    request.settle(error);
  }
}

/** Whether all values are finite: their sum is not where one is not. */
function isNumeric({ values }: EncoderOutput): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return Number.isFinite(sum);
}

function brokenModel(): KvasirError {
  return new KvasirError(
    'broken_model',
    'the model gave results that are no numbers: its weights are broken, or too large for its precision',
  );
}

function cancelled(): KvasirError {
  return new KvasirError('cancelled', 'the request was cancelled');
}

function shuttingDown(): KvasirError {
  return new KvasirError('shutting_down', 'the server is shutting down');
}
