import { KvasirError } from '#errors.js';
import type { BatchEntry, Decoder } from '#model/decoder/slots/slot-decoder.js';
import { OutputText } from '#text/output-text.js';
import type { Tokenizer } from '#text/types.js';
import { ChunkSize } from './chunk-size.js';
import { logprobsOf } from './sampling/log-probabilities.js';
import { applyPenalties, changesLogits } from './sampling/penalties.js';
import { promptLookup } from './prompt-lookup.js';
import { Sampler } from './sampling/sampler.js';
import { Scheduler, type PrefillChunk } from './scheduler.js';
import { Sequence } from './sequence.js';
import type { SlotOperation } from './slots.js';
import type {
  EngineStats,
  FinishReason,
  GenerationEngine,
  GenerationEvent,
  GenerationRequest,
  SlotOccupancy,
} from './types.js';

export interface EngineOptions {
  /** How many sequences may wait for a slot before new ones are refused. */
  readonly maxWaiting: number;
  /** How many tokens the cache may hold; by default, and at most, all slots full. */
  readonly cacheTokens: number;
  /** See {@link Scheduler}. */
  readonly promisedTokens: number;
  /** Longest prefill run, in tokens. */
  readonly prefillTokens: number;
  /** By what part of its own time a decode step may be held up by somebody's prompt. */
  readonly stall: number;
  /** Whether prompts start from what earlier sequences left in the cache. */
  readonly reusesPrefix: boolean;
  /** Longest draft of speculative decoding, in tokens; 0 is off. */
  readonly draftTokens: number;
}

export const DEFAULT_ENGINE_OPTIONS: EngineOptions = {
  maxWaiting: 1024,
  cacheTokens: Infinity,
  promisedTokens: 256,
  prefillTokens: 512,
  stall: 0.5,
  reusesPrefix: true,
  draftTokens: 0,
};

/** Continuous batching: sequences join and leave between any two steps (Orca, Yu et al. 2022). */
export class Engine implements GenerationEngine {
  readonly #decoder: Decoder;
  readonly #tokenizer: Tokenizer;
  readonly #options: EngineOptions;
  readonly #scheduler: Scheduler<Sequence>;
  readonly #chunkSize: ChunkSize;
  readonly #sampler: Sampler;
  readonly #cacheTokens: number;
  readonly #counts = {
    promptTokens: 0,
    reusedPromptTokens: 0,
    generatedTokens: 0,
    draftedTokens: 0,
    acceptedTokens: 0,
  };
  #closing = false;
  #wake: (() => void) | undefined;
  readonly #stopped: Promise<void>;

  /** @throws KvasirError `invalid_configuration` where the cache cannot hold one sequence. */
  constructor(decoder: Decoder, tokenizer: Tokenizer, options: Partial<EngineOptions> = {}) {
    this.#decoder = decoder;
    this.#tokenizer = tokenizer;
    this.#options = { ...DEFAULT_ENGINE_OPTIONS, ...options };
    const { contextLength, vocabularySize } = decoder.shape;
    // Behind each sequence, a draft that turned out wrong may lie in the cache.
    const capacity = (decoder.cacheTokens ?? Infinity) - decoder.slots * this.#options.draftTokens;
    this.#cacheTokens = Math.min(this.#options.cacheTokens, capacity, decoder.slots * contextLength);
    if (this.#cacheTokens < contextLength) {
      throw new KvasirError(
        'invalid_configuration',
        `a KV cache of ${this.#cacheTokens} tokens cannot hold one sequence of ${contextLength}`,
      );
    }
    this.#scheduler = new Scheduler({
      slots: decoder.slots,
      cacheTokens: this.#cacheTokens,
      promisedTokens: this.#options.promisedTokens,
      prefillRuns: decoder.runMixed ? 'mixed' : decoder.prefillTogether ? 'whole' : 'one',
      window: decoder.window,
    });
    this.#chunkSize = new ChunkSize({ longest: this.#options.prefillTokens, stall: this.#options.stall });
    this.#sampler = new Sampler(vocabularySize);
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
    const { chunksDiffer = false } = this.#decoder;
    const how = { reusesPrefix: this.#options.reusesPrefix && !chunksDiffer, redecodes: chunksDiffer };
    const sequence = new Sequence(request, output, this.contextLength, how, abandoned =>
      this.#cancel(abandoned),
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
      activeTokens: running.reduce((sum, { cached }) => sum + cached, 0),
      cacheCapacity: this.#cacheTokens,
      preemptions,
      ...this.#counts,
    };
  }

  occupancy(): readonly SlotOccupancy[] {
    return this.#scheduler.occupancy;
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
        { param: 'prompt' },
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
    // Requests that came at the same time are read first, so that their prompts are run together.
    await new Promise(resolve => setImmediate(resolve));
  }

  /** One step: retire, admit, prefill, decode all running rows, sample, emit. Returns whether there was anything to do. */
  async #step(): Promise<boolean> {
    this.#retire();
    const limit = this.#chunkSize.tokens(this.#scheduler.demand());
    const { operations, prefill, decode } = this.#scheduler.schedule(limit);
    for (const operation of operations) this.#arrange(operation);
    if (prefill.length > 0 && this.#decoder.runMixed !== undefined) {
      const sequences = [...decode, ...prefill.map(({ sequence }) => sequence)];
      await this.#guard(sequences, () => this.#runMixed(prefill, decode));
      return true;
    }
    if (prefill.length > 0)
      await this.#guard(
        prefill.map(({ sequence }) => sequence),
        () => (prefill.length > 1 ? this.#prefillTogether(prefill) : this.#prefill(prefill[0]!)),
      );
    if (decode.length > 0) await this.#guard(decode, () => this.#decode(decode));
    return prefill.length > 0 || decode.length > 0;
  }

  #arrange(operation: SlotOperation): void {
    switch (operation.kind) {
      case 'copy':
        return this.#decoder.copySlot(operation.from, operation.to, operation.length);
      case 'swap':
        return this.#decoder.swapSlots(operation.a, operation.b, operation.length);
      case 'release':
        return this.#decoder.releaseSlot(operation.slot, operation.from);
      case 'trim':
        return this.#decoder.trimSlot!(operation.slot, operation.before);
    }
  }

  /** Chunks of prompts and the tokens of those that decode, in one run. */
  async #runMixed(prefill: readonly PrefillChunk<Sequence>[], decode: readonly Sequence[]): Promise<void> {
    const entries = decode.map(({ tokens, cached }, slot): BatchEntry => {
      return { slot, ids: [tokens[cached]!], cached, wanted: 'last' };
    });
    for (const chunk of prefill) entries.push(this.#entry(chunk));
    const began = performance.now();
    const results = await this.#decoder.runMixed!(entries);
    const prompts = prefill.reduce((sum, { length }) => sum + length, 0);
    this.#chunkSize.observeMixed(prompts, decode.length, performance.now() - began);
    decode.forEach((sequence, i) => {
      sequence.cached++;
      this.#advance(sequence, results[i]!.logits, results[i]!.maxima);
    });
    prefill.forEach((chunk, i) => this.#take(chunk, results[decode.length + i]!.logits));
  }

  async #prefill(chunk: PrefillChunk<Sequence>): Promise<void> {
    const { slot, ids, cached, wanted } = this.#entry(chunk);
    const began = performance.now();
    const logits = await this.#decoder.prefill(slot, ids, cached, wanted);
    this.#chunkSize.observePrefill(chunk.length, performance.now() - began);
    this.#take(chunk, logits);
  }

  /** A chunk as the decoder takes it; its logits only with the last chunk, or where the prompt's own are wanted. */
  #entry({ sequence, slot, start, length }: PrefillChunk<Sequence>): BatchEntry {
    this.#start(sequence);
    if (sequence.promptLogprobs !== undefined && start === 0) sequence.promptLogprobs = [undefined];
    const isLast = start + length === sequence.prefillLength;
    const wanted = sequence.promptLogprobs !== undefined ? 'all' : isLast ? 'last' : 'none';
    return { slot, ids: sequence.tokens.slice(start, start + length), cached: start, wanted };
  }

  /** What a chunk gave. */
  #take({ sequence, start, length }: PrefillChunk<Sequence>, logits: Float32Array): void {
    sequence.cached += length;
    if (sequence.promptLogprobs !== undefined) this.#reportPrompt(sequence, start, length, logits);
    if (sequence.cached < sequence.prefillLength) return;
    this.#advance(sequence, logits.subarray(-this.#decoder.shape.vocabularySize));
  }

  /** Whole sequences, from their beginning on, in one run. */
  async #prefillTogether(chunks: readonly PrefillChunk<Sequence>[]): Promise<void> {
    for (const { sequence } of chunks) this.#start(sequence);
    const prompts = chunks.map(({ sequence, length }) => sequence.tokens.slice(0, length));
    const longest = Math.max(...prompts.map(({ length }) => length));
    const began = performance.now();
    const logits = await this.#decoder.prefillTogether!(chunks[0]!.slot, prompts);
    this.#chunkSize.observePrefill(longest * chunks.length, performance.now() - began);
    chunks.forEach(({ sequence, length }, i) => {
      sequence.cached = length;
      this.#advance(sequence, this.#row(logits, i));
    });
  }

  #start(sequence: Sequence): void {
    if (sequence.started) return;
    sequence.start();
    this.#counts.promptTokens += sequence.promptLength;
    this.#counts.reusedPromptTokens += sequence.reused;
  }

  #reportPrompt(sequence: Sequence, start: number, length: number, logits: Float32Array): void {
    const { promptLogprobs, tokens, promptLength, request } = sequence;
    for (let i = 0; i < length && start + i + 1 < promptLength; i++) {
      const next = tokens[start + i + 1]!;
      promptLogprobs!.push(logprobsOf(this.#row(logits, i), next, request.promptLogprobs ?? 0));
    }
    if (promptLogprobs!.length < promptLength) return;
    sequence.channel.push({ type: 'prompt', logprobs: promptLogprobs! });
    sequence.promptLogprobs = undefined;
  }

  async #decode(sequences: readonly Sequence[]): Promise<void> {
    const draft = sequences.length === 1 ? this.#draft(sequences[0]!) : [];
    if (draft.length > 0) return this.#verify(sequences[0]!, draft);
    const ids = sequences.map(sequence => sequence.tokens[sequence.cached]!);
    const cached = sequences.map(sequence => sequence.cached);
    const began = performance.now();
    const logits = await this.#decoder.decode(ids, cached);
    this.#chunkSize.observeDecode(performance.now() - began);
    sequences.forEach((sequence, slot) => {
      sequence.cached++;
      this.#advance(sequence, this.#row(logits, slot), this.#maxima(slot));
    });
  }

  /** What may come next, where checking it pays: a greedy sequence that is alone. */
  #draft({ request: { sampling, constraint }, tokens, maxLength }: Sequence): number[] {
    const longest = Math.min(this.#options.draftTokens, maxLength - tokens.length - 1);
    const checkable = sampling.temperature === 0 && constraint === undefined && !this.#decoder.chunksDiffer;
    return longest > 0 && checkable ? promptLookup(tokens, longest) : [];
  }

  /** Runs the last token and its draft in one chunk, and keeps as much as the model would have chosen itself. */
  async #verify(sequence: Sequence, draft: readonly number[]): Promise<void> {
    const ids = [sequence.tokens.at(-1)!, ...draft];
    const logits = await this.#decoder.prefill(0, ids, sequence.cached, 'all');
    this.#counts.draftedTokens += draft.length;
    for (let i = 0; i < ids.length && !sequence.finished; i++) {
      sequence.cached++;
      this.#advance(sequence, this.#row(logits, i));
      if (sequence.tokens.at(-1) !== draft[i]) return;
      this.#counts.acceptedTokens++;
    }
  }

  /**
   * Draws a sequence's next token and emits the text that it makes certain.
   *
   * @param maxima of blocks of `logits`, see {@link Decoder.decodeMaxima}.
   */
  #advance(sequence: Sequence, logits: Float32Array, maxima?: Float32Array): void {
    // The next token is known already where it is decoded once more.
    if (sequence.cancelled !== undefined || sequence.cached < sequence.tokens.length) return;
    const { request, counts } = sequence;
    const { sampling, stop, constraint } = request;
    // The reported distribution is the model's own, so a copy is changed where both are needed.
    const logprobs = request.logprobs === undefined ? undefined : logits.slice();
    const penalized = changesLogits(sampling);
    const mustGoOn = sequence.generated < stop.minTokens;
    if (penalized) applyPenalties(logits, sampling, counts);
    constraint?.mask(logits, stop.stopTokenIds, sequence.maxLength - sequence.tokens.length);
    if (mustGoOn) for (const id of stop.stopTokenIds) logits[id] = -Infinity;
    const changed = penalized || mustGoOn || constraint !== undefined;
    const id = this.#sampler.sample(logits, sampling, sequence.random, changed ? undefined : maxima);

    sequence.tokens.push(id);
    sequence.markToken();
    counts?.add(id);
    this.#counts.generatedTokens++;
    sequence.held.push({ id, logprobs: logprobs && logprobsOf(logprobs, id, request.logprobs ?? 0) });
    const ended = stop.stopTokenIds.has(id);
    if (!ended) constraint?.accept(id);
    const shown = ended
      ? { text: sequence.output.flush(), stopped: true, tokens: 0 }
      : sequence.output.push(id);
    sequence.shown += shown.tokens;
    const whole = shown.stopped || (constraint?.complete ?? false);
    if (whole || sequence.tokens.length >= sequence.maxLength) {
      const text = shown.stopped ? shown.text : shown.text + sequence.output.flush();
      this.#finish(sequence, text, whole && !constraint?.shortened ? 'stop' : 'length');
    } else if (shown.text !== '') {
      const tokens = sequence.held.splice(0, sequence.shown);
      sequence.shown = 0;
      sequence.channel.push({ type: 'delta', text: shown.text, tokens, finishReason: undefined });
    }
  }

  #finish(sequence: Sequence, text: string, finishReason: FinishReason): void {
    const { held, channel } = sequence;
    sequence.finished = true;
    channel.push({ type: 'delta', text, tokens: held.splice(0), finishReason, report: sequence.report() });
    channel.end();
  }

  /** Takes out what has ended or was cancelled. */
  #retire(): void {
    const leaving = [...this.#scheduler.running, ...this.#scheduler.waiting].filter(
      sequence => sequence.finished || sequence.cancelled !== undefined,
    );
    if (leaving.length > 0) this.#scheduler.remove(new Set(leaving));
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

  /** One slot's {@link Decoder.decodeMaxima}. */
  #maxima(slot: number): Float32Array | undefined {
    const { decodeMaxima, slots } = this.#decoder;
    if (decodeMaxima === undefined) return undefined;
    const blocks = decodeMaxima.length / slots;
    return decodeMaxima.subarray(slot * blocks, (slot + 1) * blocks);
  }

  /** One position's logits of `[positions, vocabulary]`. */
  #row(logits: Float32Array, index: number): Float32Array {
    const { vocabularySize } = this.#decoder.shape;
    return logits.subarray(index * vocabularySize, (index + 1) * vocabularySize);
  }
}

function cancelled(): KvasirError {
  return new KvasirError('cancelled', 'the request was cancelled');
}

function shuttingDown(): KvasirError {
  return new KvasirError('shutting_down', 'the server is shutting down');
}
