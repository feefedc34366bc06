import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { KvasirError } from '#errors.js';
import type { Hypothesis } from '#engine/beams/types.js';
import type {
  AlignRequest,
  Alignment,
  GeneratedToken,
  GenerationEngine,
  GenerationRequest,
  SequenceReport,
} from '#engine/types.js';
import type { TranscriptionRequest } from './types.js';
import { cancelled } from './until-aborted.js';

/** What came of one sequence. */
export interface Written {
  /** A stop token at the end included. */
  readonly tokens: readonly GeneratedToken[];
  readonly report: SequenceReport;
  /** With beams, best first. */
  readonly hypotheses: readonly Hypothesis[] | undefined;
}

/** What a sequence is asked for; the rest is the same for all of a transcription. */
export type Asked = Omit<GenerationRequest, 'id' | 'client' | 'reuseScope'>;

/** In milliseconds, before a full waiting line is asked again. */
const RETRY_AFTER = 100;

/**
 * What one transcription asks of an engine. The first sequence is refused where too many wait; afterwards, it waits
 * for its place rather than lose what has been done.
 */
export class Errand {
  readonly id = randomUUID();
  readonly #engine: GenerationEngine;
  readonly #whose: Pick<GenerationRequest, 'client' | 'reuseScope'>;
  readonly #signal: AbortSignal;
  #asked = 0;

  /** @param signal ends all that is under way. */
  constructor(
    engine: GenerationEngine,
    { client, reuseScope }: Pick<TranscriptionRequest, 'client' | 'reuseScope'>,
    signal: AbortSignal,
  ) {
    this.#engine = engine;
    this.#whose = {
      ...(client !== undefined && { client }),
      ...(reuseScope !== undefined && { reuseScope }),
    };
    this.#signal = signal;
  }

  /**
   * Writes several sequences at once.
   *
   * @returns in their order, when all have ended.
   */
  async write(sequences: readonly Asked[]): Promise<Written[]> {
    const isFirst = this.#asked === 0;
    const requests = sequences.map(asked => ({ ...asked, ...this.#whose, id: this.#name() }));
    for (;;)
      try {
        return await Promise.all(this.#engine.generateAll(requests, this.#signal).map(whole));
      } catch (error) {
        if (isFirst || !(error instanceof KvasirError) || error.code !== 'queue_full') throw error;
        await wait(RETRY_AFTER, undefined, { signal: this.#signal }).catch(() => {
          throw cancelled();
        });
      }
  }

  /** Holds a text against its sound, of an engine that can. */
  async align(request: Omit<AlignRequest, 'id' | 'client' | 'reuseScope'>): Promise<Alignment> {
    return this.#engine.align!({ ...request, ...this.#whose, id: this.#name() }, this.#signal);
  }

  #name(): string {
    return `${this.id}-${this.#asked++}`;
  }
}

async function whole(events: ReturnType<GenerationEngine['generate']>): Promise<Written> {
  const tokens: GeneratedToken[] = [];
  for await (const event of events) {
    if (event.type !== 'delta') continue;
    tokens.push(...event.tokens);
    if (event.report !== undefined) return { tokens, report: event.report, hypotheses: event.hypotheses };
  }
  throw new KvasirError('runtime_failure', 'a sequence ended without a report');
}
