import type { ChatTemplate } from '../chat/template.js';
import type { EncoderService } from '../encoder/types.js';
import type { GenerationEngine } from '../engine/types.js';
import type { EncoderTask } from '../model/encoder.js';
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
  /** How it writes conversations; undefined where it was not made for them. */
  readonly chat?: ChatTemplate | undefined;
}

/** A one-shot model: embeddings, classification, masks. */
export interface EncoderModel extends ServedModel {
  readonly kind: 'encoder';
  readonly task: EncoderTask;
  readonly encoder: EncoderService;
  /** Width of a result row: embedding dimension, number of labels, ... */
  readonly width: number;
  /** Names of the labels (`id2label` of config.json), for classification; empty otherwise. */
  readonly labels: readonly string[];
  /** How classification logits become scores: softmax over labels, a sigmoid each, or as they are (`problem_type`). */
  readonly activation: 'softmax' | 'sigmoid' | 'none';
}

export type Model = GenerationModel | EncoderModel;

/** The models that a server serves, by name. */
export interface ModelRegistry {
  /** In the order in which they were named at start. */
  list(): readonly Model[];
  /** @throws KvasirError `model_not_found` */
  get(id: string): Model;
  close(): Promise<void>;
}
