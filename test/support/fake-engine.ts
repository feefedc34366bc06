import { EventChannel } from '#engine/event-channel.js';
import type {
  EngineStats,
  GenerationEngine,
  GenerationEvent,
  GenerationRequest,
  SlotOccupancy,
  TokenLogprobs,
} from '#engine/types.js';
import { KvasirError } from '#errors.js';
import { LETTERS } from './letter-tokenizer.js';

/** What a sequence does: yields its events, or throws. What it waits for is up to the test. */
export type Script = (request: GenerationRequest, signal: AbortSignal) => AsyncIterable<GenerationEvent>;

const CONTEXT_LENGTH = 64;

/** An engine without a model: its sequences follow a script. Everything else is as the contract says. */
export class FakeEngine implements GenerationEngine {
  readonly contextLength = CONTEXT_LENGTH;
  readonly slots = 4;
  /** All that were accepted, in order. */
  readonly requests: GenerationRequest[] = [];
  /** Ids of sequences that neither ended nor were cancelled. */
  readonly running = new Set<string>();
  /** Ids of sequences that were cancelled, in order. */
  readonly cancelled: string[] = [];
  /** How many sequences are accepted before `queue_full`. */
  capacity = Infinity;
  script: Script;
  readonly #defaultScript: Script;
  readonly #ends = new Map<string, (error: Error) => void>();
  #closing = false;

  constructor(script: Script = spellAlphabet) {
    this.#defaultScript = script;
    this.script = script;
  }

  /** Forgets what happened so far, and follows the script it was made with. */
  reset(): void {
    this.requests.length = 0;
    this.cancelled.length = 0;
    this.capacity = Infinity;
    this.script = this.#defaultScript;
  }

  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<GenerationEvent> {
    return this.generateAll([request], signal)[0]!;
  }

  generateAll(
    requests: readonly GenerationRequest[],
    signal?: AbortSignal,
  ): readonly AsyncIterable<GenerationEvent>[] {
    if (this.#closing) throw shuttingDown();
    if (requests.some(({ promptIds }) => promptIds.length >= this.contextLength))
      throw new KvasirError('context_length_exceeded', 'the prompt is too long', { param: 'prompt' });
    this.checkRoom(requests.length);
    const started = requests.map(request => this.#start(request));
    const cancel = (): void => started.forEach(sequence => sequence.cancel());
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    return started.map(({ channel }) => channel);
  }

  checkRoom(count: number): void {
    if (this.running.size + count > this.capacity) throw new KvasirError('queue_full', 'too many requests');
  }

  #start(request: GenerationRequest): { readonly channel: EventChannel; readonly cancel: () => void } {
    const controller = new AbortController();
    const { id } = request;
    const cancel = (): void => {
      if (!this.running.has(id)) return;
      this.cancelled.push(id);
      end(new KvasirError('cancelled', 'the request was cancelled'));
    };
    const channel = new EventChannel(cancel);
    const end = (error?: Error): void => {
      if (!this.running.delete(id)) return;
      this.#ends.delete(id);
      controller.abort();
      channel.end(error);
    };
    this.requests.push(request);
    this.running.add(id);
    this.#ends.set(id, end);
    void (async () => {
      try {
        for await (const event of this.script(request, controller.signal)) {
          if (!this.running.has(id)) return;
          channel.push(event);
        }
        end();
      } catch (error) {
        end(error as Error);
      }
    })();
    return { channel, cancel };
  }

  stats(): EngineStats {
    return {
      running: this.running.size,
      waiting: 0,
      slots: this.slots,
      cachedTokens: 0,
      activeTokens: 0,
      cacheCapacity: this.slots * this.contextLength,
      promptTokens: 0,
      reusedPromptTokens: 0,
      generatedTokens: 0,
      preemptions: 0,
      draftedTokens: 0,
      acceptedTokens: 0,
    };
  }

  occupancy(): readonly SlotOccupancy[] {
    return Array.from({ length: this.slots }, (_, slot) =>
      slot < this.running.size ? { state: 'running', tokens: slot + 1 } : { state: 'empty', tokens: 0 },
    );
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const end of [...this.#ends.values()]) end(shuttingDown());
  }
}

/**
 * Continues the alphabet from the prompt's last letter (the seed shifts it), one letter for each turn of the event loop, until the most
 * tokens. The log-probability of the nth token, counted from 0, is -(n + 1) / 4; the alternatives are the letters after it, each 1 less.
 */
export async function* spellAlphabet(request: GenerationRequest): AsyncGenerator<GenerationEvent> {
  const { promptIds, stop, sampling, logprobs, promptLogprobs } = request;
  if (promptLogprobs !== undefined) {
    yield {
      type: 'prompt',
      logprobs: promptIds.map((id, i) => (i === 0 ? undefined : fakeLogprobs(id, i, promptLogprobs))),
    };
  }
  const last = promptIds[promptIds.length - 1]! + Number(sampling.seed ?? 0);
  const most = Math.min(stop.maxTokens, CONTEXT_LENGTH - promptIds.length);
  for (let n = 0; n < most; n++) {
    await new Promise(setImmediate);
    const id = (last + 1 + n) % 26;
    const token = { id, logprobs: logprobs === undefined ? undefined : fakeLogprobs(id, n, logprobs) };
    const finishReason = n + 1 === most ? 'length' : undefined;
    yield { type: 'delta', text: LETTERS[id]!, tokens: [token], finishReason };
  }
}

/** One `delta` of text without tokens' ids that matter. */
export function delta(text: string, finishReason?: 'stop' | 'length'): GenerationEvent {
  const tokens = [...text].map(letter => ({ id: LETTERS.indexOf(letter), logprobs: undefined }));
  return { type: 'delta', text, tokens, finishReason };
}

/** Yields nothing until the sequence is cancelled or the engine closed. */
export const silence: Script = (_request, signal) => ({
  [Symbol.asyncIterator]: () => ({
    next: async () => {
      await untilAborted(signal);
      return { done: true, value: undefined };
    },
  }),
});

/** Waits until the sequence is cancelled or the engine closed. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function fakeLogprobs(id: number, n: number, top: number): TokenLogprobs {
  const logprob = -(n + 1) / 4;
  return {
    id,
    logprob,
    top: Array.from({ length: top }, (_, i) => ({ id: (id + i) % 26, logprob: logprob - i })),
  };
}

function shuttingDown(): KvasirError {
  return new KvasirError('shutting_down', 'the server is shutting down');
}
