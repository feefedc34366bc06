import type { GenerationEngine } from '../engine/types.js';
import type { Tokenizer } from '../text/types.js';

/** What every served model has. */
interface ServedModel {
  /** The name that requests use. */
  readonly id: string;
  /** Seconds since the epoch at which it was loaded. */
  readonly created: number;
  readonly tokenizer: Tokenizer;
  /** Longest input (for generators: input and output together), in tokens. */
  readonly contextLength: number;
  close(): Promise<void>;
}

/** A decoder that writes text. */
export interface GenerationModel extends ServedModel {
  readonly kind: 'generation';
  readonly engine: GenerationEngine;
  /** Ids that end a sequence (`eos_token_id` of generation_config.json or config.json). */
  readonly eosIds: ReadonlySet<number>;
  /** BOS, if the model has one: what an empty prompt starts from. */
  readonly bosId: number | undefined;
}

export type Model = GenerationModel;

/** The models that a server serves, by name. */
export interface ModelRegistry {
  /** In the order in which they were named at start. */
  list(): readonly Model[];
  /** @throws KvasirError `model_not_found` */
  get(id: string): Model;
  close(): Promise<void>;
}
