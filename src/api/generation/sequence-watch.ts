import type { GenerationEvent, GenerationRequest, SequenceReport } from '#engine/types.js';
import { KvasirError } from '#errors.js';
import type { EndedSequence, SequenceObserver } from './observers.js';

interface Watched {
  readonly request: GenerationRequest;
  /** When its last text came, or it started. */
  last: number;
  tokens: number;
  ended: boolean;
}

/** Tells observers how the sequences of one request get on. */
export class SequenceWatch {
  readonly #observers: readonly SequenceObserver[];
  readonly #started = Date.now();
  readonly #sequences: readonly Watched[];

  constructor(requests: readonly GenerationRequest[], observers: readonly SequenceObserver[]) {
    const last = performance.now();
    this.#observers = observers;
    this.#sequences = requests.map(request => ({ request, last, tokens: 0, ended: false }));
  }

  see(index: number, event: GenerationEvent): void {
    if (event.type === 'prompt') return;
    const sequence = this.#sequences[index]!;
    const { finishReason, report, hypotheses = [event] } = event;
    const written = hypotheses.reduce((sum, { tokens }) => sum + tokens.length, 0);
    if (written > 0) {
      const now = performance.now();
      const seconds = (now - sequence.last) / 1000;
      for (const observer of this.#observers) observer.onTokens?.(written, seconds, sequence.tokens === 0);
      sequence.last = now;
      sequence.tokens += written;
    }
    if (finishReason !== undefined) this.#end(sequence, finishReason, report);
  }

  /** No more events come: those that have not ended were cut off, by an error or without. */
  end(error?: unknown): void {
    const takenBack = error === undefined || (error instanceof KvasirError && error.code === 'cancelled');
    for (const sequence of this.#sequences) this.#end(sequence, takenBack ? 'abort' : 'error', undefined);
  }

  #end(sequence: Watched, reason: EndedSequence['reason'], report: SequenceReport | undefined): void {
    if (sequence.ended) return;
    sequence.ended = true;
    const { request, tokens } = sequence;
    const ended = { request, started: this.#started, tokens, reason, report };
    for (const observer of this.#observers) observer.onEnd?.(ended);
  }
}
