import { KvasirError } from '#errors.js';
import type { Decoder } from '#model/decoder/contract.js';
import { OutputText } from '#text/output-text.js';
import type { Tokenizer } from '#text/types.js';
import { cacheCapacity, checkPrompt } from './admission.js';
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from './engine-options.js';
import { Scheduler } from './scheduler.js';
import { Sequence } from './sequence.js';
import { Stepper } from './step.js';
import type {
  EngineStats,
  GenerationEngine,
  GenerationEvent,
  GenerationRequest,
  SlotOccupancy,
} from './types.js';

/** Continuous batching: sequences join and leave between any two steps (Orca, Yu et al. 2022). */
export class Engine implements GenerationEngine {
  readonly #decoder: Decoder;
  readonly #tokenizer: Tokenizer;
  readonly #options: EngineOptions;
  readonly #cacheTokens: number;
  readonly #scheduler: Scheduler<Sequence>;
  readonly #stepper: Stepper;
  readonly #stopped: Promise<void>;
  #closing = false;
  #wake: (() => void) | undefined;

  /** @throws KvasirError `invalid_configuration` where the cache cannot hold one sequence. */
  constructor(decoder: Decoder, tokenizer: Tokenizer, options: Partial<EngineOptions> = {}) {
    this.#decoder = decoder;
    this.#tokenizer = tokenizer;
    this.#options = { ...DEFAULT_ENGINE_OPTIONS, ...options };
    const { reservedTokens, draftTokens } = this.#options;
    const { mixes, wholePrompts, window, cacheTokens } = decoder.traits;
    this.#cacheTokens = cacheCapacity(decoder, this.#options.cacheTokens, draftTokens);
    this.#scheduler = new Scheduler({
      slots: decoder.slots,
      cacheTokens: this.#cacheTokens,
      reservedTokens,
      mixes,
      wholePrompts,
      window,
      // What is kept for a sequence must not be what another slot's tokens were to have.
      keepsAhead: cacheTokens === Infinity,
    });
    this.#stepper = new Stepper(decoder, this.#scheduler, this.#options);
    this.#stopped = this.#loop();
  }

  get contextLength(): number {
    return this.#decoder.shape.contextLength;
  }

  get slots(): number {
    return this.#decoder.slots;
  }

  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<GenerationEvent> {
    const { promptIds, stop } = request;
    const { maxWaiting, reusesPrefix } = this.#options;
    if (this.#closing) throw shuttingDown();
    checkPrompt(promptIds, this.#decoder.shape);
    if (this.#scheduler.waiting.length >= maxWaiting)
      throw new KvasirError('queue_full', `${maxWaiting} requests are already waiting; try again later`);
    const output = new OutputText(this.#tokenizer, promptIds, stop.stopStrings, stop.includeStopString);
    const { contextLength } = this;
    const { chunkInvariant } = this.#decoder.traits;
    const sequence = new Sequence(
      request,
      output,
      { contextLength, reusesPrefix, chunkInvariant },
      abandoned => this.#cancel(abandoned),
    );
    if (signal?.aborted) {
      sequence.channel.end(cancelled());
      return sequence.channel;
    }
    if (signal !== undefined) {
      const onAbort = (): void => this.#cancel(sequence);
      signal.addEventListener('abort', onAbort);
      sequence.channel.onEnd = () => signal.removeEventListener('abort', onAbort);
    }
    this.#scheduler.add(sequence);
    this.#wake?.();
    return sequence.channel;
  }

  stats(): EngineStats {
    const { running, waiting, cachedTokens, preemptions } = this.#scheduler;
    return {
      running: running.length,
      waiting: waiting.length,
      slots: this.slots,
      cachedTokens,
      activeTokens: running.reduce((sum, { computed }) => sum + computed, 0),
      cacheCapacity: this.#cacheTokens,
      preemptions,
      ...this.#stepper.counts,
    };
  }

  occupancy(): readonly SlotOccupancy[] {
    return this.#scheduler.occupancy;
  }

  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#stepper.abort();
      this.#wake?.();
    }
    await this.#stopped;
  }

  async #loop(): Promise<void> {
    while (!this.#closing) {
      try {
        this.#retire();
        if (!(await this.#stepper.step())) await this.#sleep();
      } catch (error) {
        // What is broken here is ours, not a run: nobody's state can be trusted, so all end and the next
        // request starts afresh.
        this.#endAll(error as Error);
      }
    }
    this.#endAll(shuttingDown());
    this.#decoder.dispose();
  }

  /** Until there is something to do. */
  async #sleep(): Promise<void> {
    if (this.#closing || this.#scheduler.waiting.length > 0) return;
    await new Promise<void>(resolve => (this.#wake = resolve));
    this.#wake = undefined;
    // Requests that came at the same time are read first, so that their prompts are run together.
    await new Promise(resolve => setImmediate(resolve));
  }

  /** Takes out what has ended or was cancelled. */
  #retire(): void {
    const leaving = [...this.#scheduler.running, ...this.#scheduler.waiting].filter(
      sequence => sequence.finished || sequence.cancelled !== undefined,
    );
    if (leaving.length > 0) this.#scheduler.remove(new Set(leaving));
  }

  #endAll(error: Error): void {
    const open = new Set([...this.#scheduler.running, ...this.#scheduler.waiting]);
    this.#scheduler.remove(open);
    for (const sequence of open) sequence.fail(error);
  }

  #cancel(sequence: Sequence): void {
    if (sequence.finished || sequence.cancelled !== undefined) return;
    sequence.cancelled = cancelled();
    sequence.channel.end(sequence.cancelled);
    this.#wake?.();
  }
}

function cancelled(): KvasirError {
  return new KvasirError('cancelled', 'the request was cancelled');
}

function shuttingDown(): KvasirError {
  return new KvasirError('shutting_down', 'the server is shutting down');
}
