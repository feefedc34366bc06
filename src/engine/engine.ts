import { KvasirError } from '../errors.js';
import type { Decoder } from '../model/decoder.js';
import { OutputText } from '../text/output-text.js';
import type { Tokenizer } from '../text/types.js';
import { logprobsOf } from './logprobs.js';
import { applyPenalties, changesLogits } from './penalties.js';
import { Sampler } from './sampler.js';
import { Scheduler, type PrefillChunk, type SchedulerOptions } from './scheduler.js';
import { Sequence } from './sequence.js';
import type {
  EngineStats,
  FinishReason,
  GenerationEngine,
  GenerationEvent,
  GenerationRequest,
} from './types.js';

export interface EngineOptions extends Omit<SchedulerOptions, 'slots'> {
  /** How many sequences may wait for a slot before new ones are refused. */
  readonly maxWaiting: number;
}

export const DEFAULT_ENGINE_OPTIONS: EngineOptions = {
  prefillChunk: 128,
  idlePrefillChunk: 512,
  maxWaiting: 1024,
};

/** Continuous batching: sequences join and leave between any two steps (Orca, Yu et al. 2022). */
export class Engine implements GenerationEngine {
  readonly #decoder: Decoder;
  readonly #tokenizer: Tokenizer;
  readonly #options: EngineOptions;
  readonly #scheduler: Scheduler<Sequence>;
  readonly #sampler: Sampler;
  #closing = false;
  #wake: (() => void) | undefined;
  readonly #stopped: Promise<void>;

  constructor(decoder: Decoder, tokenizer: Tokenizer, options: Partial<EngineOptions> = {}) {
    this.#decoder = decoder;
    this.#tokenizer = tokenizer;
    this.#options = { ...DEFAULT_ENGINE_OPTIONS, ...options };
    this.#scheduler = new Scheduler({ ...this.#options, slots: decoder.slots });
    this.#sampler = new Sampler(decoder.shape.vocabularySize);
    this.#stopped = this.#loop();
  }

  get contextLength(): number {
    return this.#decoder.shape.contextLength;
  }

  get slots(): number {
    return this.#decoder.slots;
  }

  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<GenerationEvent> {
    this.#validate(request);
    const { stopStrings, includeStopString } = request.stop;
    const output = new OutputText(this.#tokenizer, request.promptIds, stopStrings, includeStopString);
    const sequence = new Sequence(request, output, abandoned => this.#cancel(abandoned));
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
    const { running, waiting } = this.#scheduler;
    return {
      running: running.length,
      waiting: waiting.length,
      slots: this.slots,
      cachedTokens: running.reduce((sum, sequence) => sum + sequence.cached, 0),
    };
  }

  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#decoder.abort();
      this.#wake?.();
    }
    await this.#stopped;
  }

  #validate({ promptIds }: GenerationRequest): void {
    const { contextLength, vocabularySize } = this.#decoder.shape;
    if (this.#closing) throw shuttingDown();
    if (promptIds.length === 0) {
      throw new KvasirError('invalid_request', 'the prompt has no tokens', { param: 'prompt' });
    }
    const stray = promptIds.find(id => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
    if (stray !== undefined) {
      throw new KvasirError(
        'invalid_request',
        `token id ${stray} is outside of the vocabulary, 0 to ${vocabularySize - 1}`,
        {
          param: 'prompt',
        },
      );
    }
    if (promptIds.length >= contextLength) {
      throw new KvasirError(
        'context_length_exceeded',
        `the prompt has ${promptIds.length} tokens; the model's context of ${contextLength} tokens must hold it and at least one more`,
        { param: 'prompt' },
      );
    }
    if (this.#scheduler.waiting.length >= this.#options.maxWaiting) {
      throw new KvasirError(
        'queue_full',
        `${this.#options.maxWaiting} requests are already waiting; try again later`,
      );
    }
  }

  async #loop(): Promise<void> {
    while (!this.#closing) {
      try {
        if (!(await this.#step())) await this.#sleep();
      } catch (error) {
        // What is broken here is ours, not a run: nobody's state can be trusted, so all end and the next request starts afresh.
        this.#endAll(error as Error);
      }
    }
    this.#endAll(shuttingDown());
    this.#decoder.dispose();
  }

  #endAll(error: Error): void {
    const open = new Set([...this.#scheduler.running, ...this.#scheduler.waiting]);
    this.#scheduler.remove(open);
    for (const sequence of open) if (!sequence.finished) sequence.channel.end(error);
  }

  /** Until there is something to do. */
  async #sleep(): Promise<void> {
    if (this.#closing || this.#scheduler.waiting.length > 0) return;
    await new Promise<void>(resolve => (this.#wake = resolve));
    this.#wake = undefined;
  }

  /** One step: admit, prefill a chunk, decode all running rows, sample, emit, retire. Returns whether there was anything to do. */
  async #step(): Promise<boolean> {
    this.#retire();
    const { prefill, decode } = this.#scheduler.schedule();
    if (prefill !== undefined) await this.#guard([prefill.sequence], () => this.#prefill(prefill));
    if (decode.length > 0) await this.#guard(decode, () => this.#decode(decode));
    return prefill !== undefined || decode.length > 0;
  }

  async #prefill({ sequence, slot, start, length }: PrefillChunk<Sequence>): Promise<void> {
    const { vocabularySize } = this.#decoder.shape;
    const ids = sequence.tokens.slice(start, start + length);
    const complete = start + length === sequence.promptLength;
    const { promptLogprobs } = sequence;
    const wanted = promptLogprobs !== undefined ? 'all' : complete ? 'last' : 'none';
    const logits = await this.#decoder.prefill(slot, ids, start, wanted);
    sequence.cached += length;

    if (promptLogprobs !== undefined) {
      for (let i = 0; i < length; i++) {
        const next = sequence.tokens[start + i + 1];
        if (next === undefined) break;
        promptLogprobs.push(
          logprobsOf(row(logits, i, vocabularySize), next, sequence.request.promptLogprobs ?? 0),
        );
      }
      if (complete) sequence.channel.push({ type: 'prompt', logprobs: promptLogprobs });
    }
    if (complete) this.#advance(sequence, row(logits, wanted === 'all' ? length - 1 : 0, vocabularySize));
  }

  async #decode(sequences: readonly Sequence[]): Promise<void> {
    const { vocabularySize } = this.#decoder.shape;
    const ids = sequences.map(sequence => sequence.tokens[sequence.cached]!);
    const cached = sequences.map(sequence => sequence.cached);
    const logits = await this.#decoder.decode(ids, cached);
    sequences.forEach((sequence, slot) => {
      sequence.cached++;
      this.#advance(sequence, row(logits, slot, vocabularySize));
    });
  }

  /** Draws a sequence's next token and emits the text that it makes certain. */
  #advance(sequence: Sequence, logits: Float32Array): void {
    if (sequence.cancelled !== undefined) return;
    const { request, counts } = sequence;
    const { sampling, stop } = request;
    // The reported distribution is the model's own, so a copy is changed where both are needed.
    const logprobs = request.logprobs === undefined ? undefined : logits.slice();
    if (changesLogits(sampling)) applyPenalties(logits, sampling, counts);
    if (sequence.generated < stop.minTokens) for (const id of stop.stopTokenIds) logits[id] = -Infinity;
    const id = this.#sampler.sample(logits, sampling, sequence.random);

    sequence.tokens.push(id);
    counts?.add(id);
    sequence.held.push({ id, logprobs: logprobs && logprobsOf(logprobs, id, request.logprobs ?? 0) });
    const stopToken = stop.stopTokenIds.has(id);
    const shown = stopToken ? { text: sequence.output.flush(), stopped: true } : sequence.output.push(id);
    const { stopped } = shown;
    const full = sequence.generated >= stop.maxTokens || sequence.tokens.length >= this.contextLength;
    const text = full && !stopped ? shown.text + sequence.output.flush() : shown.text;
    const finishReason: FinishReason | undefined = stopped ? 'stop' : full ? 'length' : undefined;
    if (text === '' && finishReason === undefined) return;
    sequence.channel.push({ type: 'delta', text, tokens: sequence.held.splice(0), finishReason });
    if (finishReason !== undefined) {
      sequence.finished = true;
      sequence.channel.end();
    }
  }

  /** Takes out what has ended or was cancelled, and closes the gaps in the cache. */
  #retire(): void {
    const leaving = [...this.#scheduler.running, ...this.#scheduler.waiting].filter(
      sequence => sequence.finished || sequence.cancelled !== undefined,
    );
    if (leaving.length === 0) return;
    for (const { from, to, length } of this.#scheduler.remove(new Set(leaving)))
      this.#decoder.copySlot(from, to, length);
  }

  /** A run that fails takes its own sequences with it, and nothing else. */
  async #guard(sequences: readonly Sequence[], run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (this.#closing) return;
      for (const sequence of sequences) {
        if (sequence.finished) continue;
        sequence.finished = true;
        sequence.channel.end(error as Error);
      }
    }
  }

  #cancel(sequence: Sequence): void {
    if (sequence.finished || sequence.cancelled !== undefined) return;
    sequence.cancelled = cancelled();
    sequence.channel.end(sequence.cancelled);
    this.#wake?.();
  }
}

/** One position's logits of `[positions, vocabulary]`. */
function row(logits: Float32Array, index: number, vocabularySize: number): Float32Array {
  return logits.subarray(index * vocabularySize, (index + 1) * vocabularySize);
}

function cancelled(): KvasirError {
  return new KvasirError('cancelled', 'the request was cancelled');
}

function shuttingDown(): KvasirError {
  return new KvasirError('shutting_down', 'the server is shutting down');
}
