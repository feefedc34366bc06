import type { Hypothesis } from './beams/types.js';
import type { FinishReason, GeneratedToken, GenerationEvent, SequenceReport } from './types.js';

/** A delta that has not been read and may still grow. */
interface PendingDelta {
  readonly type: 'delta';
  text: string;
  readonly tokens: GeneratedToken[];
  finishReason: FinishReason | undefined;
  stopReason?: string | number | undefined;
  report?: SequenceReport;
  readonly hypotheses?: readonly Hypothesis[];
}

/**
 * The way from the engine to whoever reads a sequence: a queue for one reader. A reader slower than the
 * engine finds the deltas that piled up joined into one, so what is held is at most the sequence's text and
 * tokens.
 */
export class EventChannel implements AsyncIterable<GenerationEvent> {
  readonly #prompts: GenerationEvent[] = [];
  #delta: PendingDelta | undefined;
  #error: Error | undefined;
  #ended = false;
  #wake: (() => void) | undefined;
  readonly #onAbandon: () => void;
  /** Called once, when the channel ends. */
  onEnd: (() => void) | undefined;

  /** @param onAbandon called when the reader leaves before the end. */
  constructor(onAbandon: () => void) {
    this.#onAbandon = onAbandon;
  }

  push(event: GenerationEvent): void {
    if (event.type === 'prompt') {
      this.#prompts.push(event);
    } else if (this.#delta === undefined) {
      this.#delta = { ...event, tokens: [...event.tokens] };
    } else {
      this.#delta.text += event.text;
      this.#delta.tokens.push(...event.tokens);
      this.#delta.finishReason = event.finishReason;
      if (event.stopReason !== undefined) this.#delta.stopReason = event.stopReason;
      if (event.report !== undefined) this.#delta.report = event.report;
    }
    this.#wake?.();
  }

  /** Nothing more comes. With an error, the reader gets it after what was pushed before. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd?.();
    this.#error = error;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<GenerationEvent, void, undefined> {
    try {
      for (;;) {
        const event = this.#take();
        if (event !== undefined) yield event;
        else if (this.#error !== undefined) throw this.#error;
        else if (this.#ended) return;
        else await new Promise<void>(resolve => (this.#wake = resolve));
      }
    } finally {
      if (!this.#ended) this.#onAbandon();
    }
  }

  #take(): GenerationEvent | undefined {
    const prompt = this.#prompts.shift();
    if (prompt !== undefined) return prompt;
    const delta = this.#delta;
    this.#delta = undefined;
    return delta;
  }
}
