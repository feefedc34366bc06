import { EventChannel } from '#engine/event-channel.js';
import type {
  AlignRequest,
  Alignment,
  EngineStats,
  GenerationEngine,
  GenerationEvent,
  GenerationRequest,
} from '#engine/types.js';
import { KvasirError } from '#errors.js';
import type { Recording, SoundFeatures } from '#model/speech/types.js';

/** What is written of a window. */
export interface ScriptedText {
  /** Without a stop token. */
  readonly ids: readonly number[];
  /** Mean of the tokens' log-probabilities, a stop token's included; default -0.1. */
  readonly avgLogprob?: number;
  /** Default 0. */
  readonly noSpeech?: number;
}

/** Where in a recording a window lies, in frames, and what is asked of it. */
export interface ScriptedWindow {
  readonly seek: number;
  readonly length: number;
  readonly request: GenerationRequest;
}

export type WindowScript = (window: ScriptedWindow) => ScriptedText | Promise<ScriptedText>;

/** Features that only say which frames they are of. */
export class FakeFeatures implements SoundFeatures {
  readonly bins = 1;
  readonly frames = 3000;

  open(): Recording {
    let samples = 0;
    return {
      get frames() {
        return Math.floor(samples / 160);
      },
      append: async block => void (samples += block.length),
      end: async () => undefined,
      window: (seek, length) => Float32Array.of(seek, length),
    };
  }

  dispose(): void {}
}

/** An engine without a model: what it hears in a window is up to a script. Everything else is as the contract says. */
export class ScriptedListener implements GenerationEngine {
  readonly contextLength = 448;
  readonly sourceLength = 1500;
  slots = 4;
  /** All that were accepted, in order. */
  readonly requests: GenerationRequest[] = [];
  readonly alignments: AlignRequest[] = [];
  /** Names of sequences that were cancelled, in order. */
  readonly cancelled: string[] = [];
  /** Sequences that are under way, and the most that ever were. */
  running = 0;
  busiest = 0;
  /** How often `queue_full` comes in place of a sequence from now on. */
  refusals = 0;
  /** Probabilities of languages, in the order in which they are asked for. */
  languages: readonly number[] = [];
  readonly #script: WindowScript;
  readonly #endId: number;
  readonly #weights: (request: AlignRequest) => Alignment;

  constructor(
    script: WindowScript,
    endId: number,
    weights: (request: AlignRequest) => Alignment = alignEvenly,
  ) {
    this.#script = script;
    this.#endId = endId;
    this.#weights = weights;
  }

  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<GenerationEvent> {
    return this.generateAll([request], signal)[0]!;
  }

  generateAll(
    requests: readonly GenerationRequest[],
    signal?: AbortSignal,
  ): readonly AsyncIterable<GenerationEvent>[] {
    if (this.refusals > 0) {
      this.refusals--;
      throw new KvasirError('queue_full', 'too many requests');
    }
    this.requests.push(...requests);
    return requests.map(request => this.#start(request, signal));
  }

  async align(request: AlignRequest): Promise<Alignment> {
    this.alignments.push(request);
    return this.#weights(request);
  }

  #start(request: GenerationRequest, signal: AbortSignal | undefined): EventChannel {
    const channel = new EventChannel(() => undefined);
    const end = (error?: Error): void => channel.end(error);
    const cancel = (): void => {
      this.cancelled.push(request.id);
      end(new KvasirError('cancelled', 'the request was cancelled'));
    };
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    this.busiest = Math.max(this.busiest, ++this.running);
    void this.#write(request)
      .then(
        event => {
          channel.push(event);
          end();
        },
        (error: unknown) => end(error as Error),
      )
      .finally(() => {
        this.running--;
        signal?.removeEventListener('abort', cancel);
      });
    return channel;
  }

  async #write(request: GenerationRequest): Promise<GenerationEvent> {
    const [seek, length] = Array.from(request.sound!.features);
    const isAboutLanguage = (request.watch?.ids.length ?? 0) > 1;
    const text: ScriptedText = isAboutLanguage
      ? { ids: [0] }
      : await this.#script({ seek: seek!, length: length!, request });
    const { ids, avgLogprob = -0.1, noSpeech = 0 } = text;
    const tokens = [...ids, this.#endId].map(id => ({
      id,
      logprobs: request.logprobs === undefined ? undefined : { id, logprob: avgLogprob, top: [] },
    }));
    const logprob = avgLogprob * tokens.length;
    const watched = isAboutLanguage ? this.languages : [noSpeech];
    return {
      type: 'delta',
      text: '',
      tokens,
      finishReason: 'stop',
      report: {
        promptTokens: request.promptIds.length,
        sourceTokens: 1500,
        cachedTokens: 0,
        generatedTokens: tokens.length,
        queueMs: 0,
        prefillMs: 0,
        decodeMs: 0,
        ...(request.scored === true && { score: logprob }),
        ...(request.watch !== undefined && { watched: Float32Array.from(watched, Math.log) }),
      },
      ...(request.beams !== undefined && {
        hypotheses: [{ text: '', tokens, score: logprob, logprob, finishReason: 'stop' as const }],
      }),
    };
  }

  checkRoom(): void {}

  stats(): EngineStats {
    throw new Error('nobody asks');
  }

  occupancy(): never {
    throw new Error('nobody asks');
  }

  async close(): Promise<void> {}
}

/** Two heads by which tokens follow each other evenly from the beginning of the window to its end. */
export function alignEvenly({ ids, sound, belowId }: AlignRequest): Alignment {
  const positions = 1500;
  const within = Math.floor(sound.features[1]! / 2);
  const weights = new Float32Array(2 * ids.length * positions);
  for (let head = 0; head < 2; head++)
    ids.forEach((_, index) => {
      const row = weights.subarray((head * ids.length + index) * positions).subarray(0, positions);
      row.fill(0.1 / positions);
      const [from, to] = [index, index + 1].map(step => Math.floor((step * within) / ids.length));
      row.fill(0.9 / Math.max(1, to! - from!), from, to);
    });
  const probabilities = Float32Array.from(ids.slice(1), id => (id < belowId ? 0.5 : 0));
  return { heads: 2, weights, probabilities };
}
