import { setImmediate as nextTurn } from 'node:timers/promises';
import { KvasirError, invalidRequest } from '#errors.js';
import type { Decoder } from '#model/decoder/contract.js';
import { Places } from '#places.js';
import { OutputText } from '#text/output-text.js';
import type { Tokenizer } from '#text/types.js';
import { AlignTask } from './alignment/align-task.js';
import { Beam } from './beams/beam.js';
import { BeamGroup } from './beams/beam-group.js';
import {
  cacheCapacity,
  checkAlignment,
  checkBeams,
  checkPrompt,
  checkSource,
  checkWatch,
} from './admission.js';
import { DEFAULT_ENGINE_OPTIONS, type EngineOptions } from './engine-options.js';
import { Scheduler } from './scheduler.js';
import { Sequence, type SequenceOptions } from './sequence.js';
import { Stepper, type EngineSequence } from './step.js';
import type {
  Alignment,
  AlignRequest,
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
  readonly #scheduler: Scheduler<EngineSequence>;
  readonly #stepper: Stepper;
  readonly #stopped: Promise<void>;
  /** Of sequences that have not ended: in slots, and in the waiting line. */
  readonly #places: Places;
  readonly align?: NonNullable<GenerationEngine['align']>;
  #closing = false;
  #wake: (() => void) | undefined;

  /** @throws KvasirError `invalid_configuration` where the cache cannot hold one sequence. */
  constructor(decoder: Decoder, tokenizer: Tokenizer, options: Partial<EngineOptions> = {}) {
    this.#decoder = decoder;
    this.#tokenizer = tokenizer;
    this.#options = { ...DEFAULT_ENGINE_OPTIONS, ...options };
    const { reservedTokens, draftTokens, maxWaiting } = this.#options;
    this.#places = new Places(decoder.slots + maxWaiting);
    const { packs, wholePrompts, chunkInvariant, window, cacheTokens } = decoder.traits;
    this.#cacheTokens = cacheCapacity(decoder, this.#options.cacheTokens, draftTokens);
    this.#scheduler = new Scheduler({
      slots: decoder.slots,
      cacheTokens: this.#cacheTokens,
      reservedTokens,
      packs,
      chunkInvariant,
      wholePrompts,
      window,
      // What is kept for a sequence must not be what another slot's tokens were to have.
      keepsAhead: cacheTokens === Infinity,
    });
    this.#stepper = new Stepper(decoder, this.#scheduler, this.#options);
    if (decoder.align !== undefined) this.align = (request, signal) => this.#align(request, signal);
    this.#stopped = this.#loop();
  }

  get contextLength(): number {
    return this.#decoder.shape.contextLength;
  }

  get sourceLength(): number | undefined {
    return this.#decoder.source?.longest;
  }

  get slots(): number {
    return this.#decoder.slots;
  }

  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<GenerationEvent> {
    return this.generateAll([request], signal)[0]!;
  }

  generateAll(
    requests: readonly GenerationRequest[],
    signal?: AbortSignal,
  ): readonly AsyncIterable<GenerationEvent>[] {
    if (this.#closing) throw shuttingDown();
    for (const request of requests) {
      checkSource(request, this.#decoder.source);
      checkPrompt(request.promptIds, this.#decoder.shape);
      checkWatch(request, this.#decoder.shape);
      checkBeams(request, this.#decoder, this.#cacheTokens);
    }
    this.checkRoom(
      requests.reduce((sum, request) => sum + rowsOf(request), 0),
      requests[0]?.client,
    );
    const group = Symbol();
    const sequences = requests.map(request => this.#sequence(request, this.#optionsOf(request, group)));
    this.#start(sequences, signal);
    return sequences.map(({ channel }) => channel);
  }

  checkRoom(count: number, client = '', param = 'n'): void {
    const { total, taken } = this.#places;
    if (count > total)
      throw invalidRequest(
        param,
        `${param}: ${count} texts are more than this server takes at once: ${this.slots} run, and ${total - this.slots} may wait`,
      );
    if (!this.#places.has(client, count))
      throw new KvasirError(
        'queue_full',
        `${taken} texts are being written or wait, of ${total} that may; try again later`,
      );
  }

  stats(): EngineStats {
    const { running, waitingCount, cachedTokens, preemptions } = this.#scheduler;
    return {
      running: running.length,
      waiting: waitingCount,
      slots: this.slots,
      cachedTokens,
      activeTokens: running.reduce((sum, { encodedTokens, computed }) => sum + encodedTokens + computed, 0),
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

  async #align(request: AlignRequest, signal?: AbortSignal): Promise<Alignment> {
    if (this.#closing) throw shuttingDown();
    checkAlignment(request, this.#decoder);
    this.checkRoom(1, request.client);
    const task = new AlignTask(request, this.#optionsOf(request, Symbol()));
    this.#start([task], signal);
    return task.channel.result;
  }

  /** @param group of those that came with it. */
  #optionsOf({ client = '' }: AlignRequest | GenerationRequest, group: symbol): SequenceOptions {
    return {
      contextLength: this.contextLength,
      reusesPrefix: this.#options.reusesPrefix,
      chunkInvariant: this.#decoder.traits.chunkInvariant,
      source: this.#decoder.source,
      party: [client, group],
    };
  }

  #sequence(request: GenerationRequest, options: SequenceOptions): Sequence | Beam {
    if (request.beams !== undefined) {
      const textOf = (ids: readonly number[]): string => {
        const output = this.#output(request);
        return ids.map(id => output.push(id).text).join('') + output.flush();
      };
      return new BeamGroup(request, textOf, options, ({ leader }) => this.#cancel(leader)).leader;
    }
    return new Sequence(request, this.#output(request), options, abandoned => this.#cancel(abandoned));
  }

  #output({ promptIds, stop, skipSpecialTokens, spelledIds }: GenerationRequest): OutputText {
    return new OutputText(this.#tokenizer, promptIds, stop.stopStrings, stop.includeStopString, {
      skipSpecialTokens,
      spelledIds,
    });
  }

  /** Lets sequences wait for their slots, unless a signal has aborted. */
  #start(sequences: readonly EngineSequence[], signal: AbortSignal | undefined): void {
    this.#follow(sequences, signal);
    if (signal?.aborted) for (const { channel } of sequences) channel.end(cancelled());
    else for (const sequence of sequences) this.#scheduler.add(sequence);
    this.#wake?.();
  }

  /** Counts sequences until they end, and ends them when a signal aborts before. */
  #follow(sequences: readonly EngineSequence[], signal: AbortSignal | undefined): void {
    const onAbort = (): void => {
      for (const sequence of sequences) this.#cancel(sequence);
    };
    let open = sequences.length;
    signal?.addEventListener('abort', onAbort);
    for (const { channel, request } of sequences) {
      const { client = '' } = request;
      const rows = rowsOf(request);
      this.#places.take(client, rows);
      channel.onEnd = () => {
        this.#places.free(client, rows);
        if (--open === 0) signal?.removeEventListener('abort', onAbort);
      };
    }
  }

  async #loop(): Promise<void> {
    while (!this.#closing) {
      try {
        // Whoever reads them may go on with what they heard, which their slots still have.
        if (this.#retire() && this.#decoder.source?.sound !== undefined) await nextTurn();
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
    if (this.#closing || this.#scheduler.waitingCount > 0) return;
    await new Promise<void>(resolve => (this.#wake = resolve));
    this.#wake = undefined;
    // Requests that came at the same time are read first, so that their prompts are run together.
    await nextTurn();
  }

  /**
   * Takes what has ended or was cancelled from its slot.
   *
   * @returns whether there was any.
   */
  #retire(): boolean {
    let leaving: Set<EngineSequence> | undefined;
    for (const sequence of this.#scheduler.running)
      if (sequence.finished || sequence.cancelled !== undefined)
        leaving = (leaving ?? new Set<EngineSequence>()).add(sequence);
    if (leaving !== undefined) this.#scheduler.remove(leaving);
    return leaving !== undefined;
  }

  #endAll(error: Error): void {
    const open = new Set([...this.#scheduler.running, ...this.#scheduler.waiting]);
    this.#scheduler.remove(open);
    for (const sequence of open) sequence.fail(error);
  }

  #cancel(sequence: EngineSequence): void {
    if (sequence.finished || sequence.cancelled !== undefined) return;
    sequence.cancelled = cancelled();
    sequence.channel.end(sequence.cancelled);
    // One that has a slot leaves it between two runs.
    this.#scheduler.withdraw(sequence instanceof Beam ? sequence.group.leader : sequence);
  }
}

/** How many slots a request takes when it runs. */
function rowsOf(request: AlignRequest | GenerationRequest): number {
  return 'beams' in request ? (request.beams?.width ?? 1) : 1;
}

function cancelled(): KvasirError {
  return new KvasirError('cancelled', 'the request was cancelled');
}

function shuttingDown(): KvasirError {
  return new KvasirError('shutting_down', 'the server is shutting down');
}
