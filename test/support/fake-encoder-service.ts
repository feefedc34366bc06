import type { EncoderService, EncoderStats, OneShotInput } from '#batching/types.js';
import type { Caller } from '#caller.js';
import { KvasirError } from '#errors.js';
import type { EncoderInput, EncoderOutput, EncoderTask } from '#model/encoder/contract.js';
import { encoderModel, type EncoderParts } from '#registry/models.js';
import type { EncoderModel } from '#registry/types.js';
import { CREATED } from './http-server.js';
import { wordPieceTokenizer } from './tiny-tokenizers.js';

/** One input's values, row by row. */
export type Script<I = EncoderInput> = (input: I) => ArrayLike<number>;

/** An encoder without a model: its results follow a script. Everything else is as the contract says. @template I what it is given. */
export class FakeEncoderService<I extends OneShotInput = EncoderInput> implements EncoderService {
  /** All that were accepted, in order. */
  readonly inputs: I[] = [];
  /** Inputs of each call. */
  readonly calls: number[] = [];
  /** Calls that were taken back. */
  cancelled = 0;
  /** Calls that have not ended. */
  running = 0;
  script: Script<I>;
  /** What calls wait for before they end. */
  until: Promise<unknown> = Promise.resolve();
  /** What the next calls fail with. */
  failure: Error | undefined;
  readonly #width: number;
  readonly #defaultScript: Script<I>;

  constructor(width: number, script: Script<I>) {
    this.#width = width;
    this.#defaultScript = script;
    this.script = script;
  }

  /** Forgets what happened so far, and follows the script it was made with. */
  reset(): void {
    this.inputs.length = 0;
    this.calls.length = 0;
    this.cancelled = 0;
    this.script = this.#defaultScript;
    this.until = Promise.resolve();
    this.failure = undefined;
  }

  async encode(inputs: readonly I[], { signal }: Partial<Caller> = {}): Promise<EncoderOutput[]> {
    if (this.failure !== undefined) throw this.failure;
    this.inputs.push(...inputs);
    this.calls.push(inputs.length);
    this.running++;
    try {
      await Promise.race([this.until, whenAborted(signal)]);
      if (signal?.aborted) {
        this.cancelled++;
        throw new KvasirError('cancelled', 'the request was cancelled');
      }
    } finally {
      this.running--;
    }
    return inputs.map(input => {
      const values = Float32Array.from(this.script(input));
      return { values, rows: values.length / this.#width, width: this.#width };
    });
  }

  /** Inputs for which places are kept. */
  reserved = 0;

  reserve(count: number): () => void {
    if (this.failure !== undefined) throw this.failure;
    this.reserved += count;
    return () => void (this.reserved -= count);
  }

  stats(): EncoderStats {
    return { waiting: 0, running: this.running, batches: this.calls.length, tokens: 0, padding: 0 };
  }

  async close(): Promise<void> {
    this.failure = new KvasirError('shutting_down', 'the server is shutting down');
  }
}

export interface FakeEncoderModel extends EncoderModel {
  readonly encoder: FakeEncoderService;
}

/**
 * A model called after its task, over a fake encoder and the tiny WordPiece tokenizer: by default for 32 tokens, with results of width 4 (2
 * for answers, the vocabulary for masks) that are a function of the ids.
 */
export function fakeEncoderModel(task: EncoderTask, fields: Partial<EncoderParts> = {}): FakeEncoderModel {
  const tokenizer = fields.tokenizer ?? wordPieceTokenizer();
  const widths: Partial<Record<EncoderTask, number>> = {
    'fill-mask': tokenizer.vocabularySize,
    'question-answering': 2,
  };
  const width = fields.width ?? widths[task] ?? 4;
  const rows = (input: EncoderInput): number => {
    if (task === 'fill-mask') return input.positions!.length;
    return task === 'embedding' || task === 'sequence-classification' ? 1 : input.ids.length;
  };
  const encoder = new FakeEncoderService(width, input => waves(input, rows(input) * width));
  // A classifier has as many labels as scores.
  const labels =
    fields.labels ?? Array.from({ length: task === 'sequence-classification' ? width : 0 }, String);
  return {
    ...encoderModel({
      id: task,
      created: CREATED,
      tokenizer,
      contextLength: 32,
      task,
      width,
      activation: 'none',
      ...fields,
      labels,
      encoder,
    }),
    encoder,
  };
}

/** Numbers from -2 to 2 that depend on all ids and on their order. */
export function waves({ ids, typeIds = [] }: EncoderInput, count: number): number[] {
  const seed = ids.reduce((sum, id, i) => (sum * 31 + id + 7 * (typeIds[i] ?? 0)) % 9973, 1);
  return Array.from({ length: count }, (_, i) => 2 * Math.sin(seed + 1.7 * i));
}

function whenAborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) resolve();
    else signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}
