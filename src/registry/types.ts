import type { ChatTemplate } from '#chat/template.js';
import type { EncoderService } from '#encoder/types.js';
import type { GenerationEngine } from '#engine/types.js';
import type { EncoderTask } from '#model/encoder/contract.js';
import type { RunPath } from '#model/run-path.js';
import type { GraphService } from '#tensors/graph-service.js';
import type { Tokenizer } from '#text/types.js';

/** What every served model has. */
interface ServedModel {
  /** The name that requests use. */
  readonly id: string;
  /** Seconds since the epoch at which it was loaded. */
  readonly created: number;
  /** What it runs on: `cpu`, or such as `cuda:0`. */
  readonly device?: string | undefined;
  /** How it runs, and why. */
  readonly path?: RunPath | undefined;
  close(): Promise<void>;
}

/** What every model that reads text has. */
interface ServedTextModel extends ServedModel {
  readonly tokenizer: Tokenizer;
  /** Longest input (for generators: input and output together), in tokens. */
  readonly contextLength: number;
}

/** A decoder that writes text. */
export interface GenerationModel extends ServedTextModel {
  readonly kind: 'generation';
  readonly engine: GenerationEngine;
  /** Most tokens to generate for one sequence, whatever a request asks for; undefined: as many as fit. */
  readonly maxTokens?: number | undefined;
  /** Ids that end a sequence (`eos_token_id` of generation_config.json or config.json). */
  readonly eosIds: ReadonlySet<number>;
  /** BOS, if the model has one: what an empty prompt starts from. */
  readonly bosId: number | undefined;
  /** How it writes conversations; undefined where it was not made for them. */
  readonly chat?: ChatTemplate | undefined;
}

/** A one-shot model: embeddings, classification, masks. */
export interface EncoderModel extends ServedTextModel {
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

/** A graph that is run as it is, on tensors of those who ask. */
export interface RawModel extends ServedModel {
  readonly kind: 'raw';
  readonly tensors: Pick<GraphService, 'inputs' | 'outputs' | 'infer' | 'stats'>;
}

export type TextModel = GenerationModel | EncoderModel;
export type Model = TextModel | RawModel;

/** Where a served model comes from, and how long it stays in memory. */
export interface ModelSource {
  /** The name that requests use. */
  readonly id: string;
  /** Other names for it. */
  readonly aliases?: readonly string[];
  /** How long it may be without requests before it is unloaded, in milliseconds; undefined: it stays. */
  readonly idleMs?: number | undefined;
  /** Called again after the model was unloaded, or a load failed. */
  load(): Promise<Model>;
}

/** A served model as it is at this moment. */
export interface ServedEntry {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly state: 'loaded' | 'loading' | 'unloaded';
  /** While it is loaded. */
  readonly model: Model | undefined;
}

/** Keeps a model loaded until it is released. */
export interface ModelLease {
  readonly model: Model;
  /** Only the first call counts. */
  release(): void;
}

/** Told of what happens to the models. */
export interface RegistryObserver {
  loaded?(model: Model, milliseconds: number): void;
  failed?(id: string, error: unknown): void;
  /** Nothing runs on it any more; its counts are final. */
  unloading?(model: Model): void;
}

/** The models that a server serves, by name and alias. */
export interface ModelRegistry {
  /** Those that are loaded, in the order in which they were named at start. */
  list(): readonly Model[];
  /** All that are served, loaded or not, in the same order. */
  entries(): readonly ServedEntry[];
  /** @throws KvasirError `model_not_found` */
  entry(id: string): ServedEntry;
  /**
   * A model that is loaded. While a request is handled, the model in its body is (see `leaseModels`).
   *
   * @throws KvasirError `model_not_found`
   */
  get(id: string): Model;
  /**
   * Loads a model if need be, once for all who ask meanwhile, and keeps it until the lease is released.
   *
   * @throws KvasirError `model_not_found`, `shutting_down`, or what the load throws
   */
  acquire(id: string): Promise<ModelLease>;
  observe(observer: RegistryObserver): void;
  /** Refuses new leases, and closes all models, whoever uses them. */
  close(): Promise<void>;
}
