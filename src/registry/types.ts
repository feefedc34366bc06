import type { ChatTemplate } from '#chat/template.js';
import type { EncoderService, EncoderStats } from '#batching/types.js';
import type { EngineStats, GenerationEngine } from '#engine/types.js';
import type { EncoderTask } from '#model/encoder/contract.js';
import type { GenerationDefaults } from '#model/generation-defaults.js';
import type { SamplingConfig } from '#model/sampling-config.js';
import type { SentenceConfig } from '#model/sentence-config.js';
import type { RunPath } from '#model/run-path.js';
import type { StructureService } from '#offload/structure-service.js';
import type { TextService } from '#offload/text-service.js';
import type { SpeechService } from '#speech/types.js';
import type { TensorService, TensorStats } from '#tensors/types.js';
import type { LanguageCodes } from '#text/languages/language-codes.js';
import type { Tokenizer } from '#text/types.js';
import type { Ability, ModelCard, TranslatedLanguages } from './card.js';
import type { TowersModel, VisionModel } from './vision-types.js';

/** A model in memory: its card says which of the parts below it has. */
export interface Model {
  /** The name that requests use. */
  readonly id: string;
  readonly card: ModelCard;
  /** Seconds since the epoch at which it was loaded. */
  readonly created: number;
  /** The device it runs on: `cpu`, or such as `cuda:0`. */
  readonly device?: string | undefined;
  /** How it runs, and why. */
  readonly path?: RunPath | undefined;
  /** Writes text. */
  readonly engine?: GenerationEngine;
  /** Reads texts or pictures in one go. */
  readonly encoder?: EncoderService;
  /** Takes tensors. */
  readonly tensors?: TensorService;
  /** Writes down what it hears. */
  readonly speech?: SpeechService;
  readonly stats: () => ModelStats;
  close(): Promise<void>;
}

/** The counts of a model's parts. */
export interface ModelStats {
  readonly engine?: EngineStats;
  readonly encoder?: EncoderStats;
  readonly tensors?: TensorStats;
}

/** A model that reads text. */
export interface TextModel extends Model {
  readonly tokenizer: Tokenizer;
  /** Its tokenizer for the texts of requests, whose length is not known. */
  readonly texts: TextService;
  /** Longest input (for generators: input and output together), in tokens. */
  readonly contextLength: number;
  /** Prompts and the like, of an embedder. */
  readonly sentences?: SentenceConfig;
}

/** A decoder that writes text. */
export interface GenerationModel extends TextModel {
  readonly engine: GenerationEngine;
  /** Compiles the structures that requests ask for. */
  readonly structures: StructureService;
  /** Most tokens to generate for one sequence, whatever a request asks for; undefined: as many as fit. */
  readonly maxTokens?: number | undefined;
  /** How tokens are chosen where a request does not say, and a model without a source has an opinion. */
  readonly sampling?: SamplingConfig | undefined;
  /** Ids that end a sequence (`eos_token_id` of generation_config.json or config.json). */
  readonly eosIds: ReadonlySet<number>;
  /** BOS, if the model has one: what an empty prompt starts from. */
  readonly bosId: number | undefined;
  /** How it writes conversations; undefined where it was not made for them. */
  readonly chat?: ChatTemplate | undefined;
  /** Of a model that reads a source and writes another text. */
  readonly sourced?: SourcedText | undefined;
}

/** How a source and its decoder's prompt are made. */
export interface SourcedText {
  /** Longest source, in tokens. */
  readonly longestSource: number;
  /** What the decoder's text begins with (`decoder_start_token_id`). */
  readonly startIds: readonly number[];
  /** What is done where a request does not say. */
  readonly defaults: GenerationDefaults;
  /** How it is told of languages; undefined: it is not. */
  readonly languages?: LanguageCodes | undefined;
  /** What it translates; undefined: it was made for something else. */
  readonly translates?: TranslatedLanguages | undefined;
}

/** A model that reads a source and writes another text. */
export type SourcedModel = GenerationModel & { readonly sourced: SourcedText };

/** A one-shot model: embeddings, classification, masks. */
export interface EncoderModel extends TextModel {
  readonly task: EncoderTask;
  readonly encoder: EncoderService;
  readonly tensors: TensorService;
  /** Width of a result row: embedding dimension, number of labels, ... */
  readonly width: number;
  /** Width of the vector of one token, for an embedder that can tell them. */
  readonly tokenWidth?: number | undefined;
  /** Names of the labels (`id2label` of config.json), for classification; empty otherwise. */
  readonly labels: readonly string[];
  /**
   * How classification logits become scores: softmax over labels, a sigmoid each, or as they are
   * (`problem_type`).
   */
  readonly activation: 'softmax' | 'sigmoid' | 'none';
  readonly sentences: SentenceConfig;
  /** Whether inputs that are too long are cut where a request does not say; else they are refused. */
  readonly autoTruncate: boolean;
}

/** A model that is called with tensors. */
export interface TensorModel extends Model {
  readonly tensors: TensorService;
}

/** A model that writes down what it hears. */
export interface SpeechModel extends Model {
  readonly engine: GenerationEngine;
  readonly speech: SpeechService;
  /** Memory that a second of a recording takes while it is transcribed, in bytes. */
  readonly bytesPerSecond: number;
}

/** What a model with an ability is sure to have. */
export interface ModelWith extends Record<Ability, Model> {
  complete: GenerationModel;
  chat: GenerationModel & { readonly chat: ChatTemplate };
  tools: GenerationModel & { readonly chat: ChatTemplate };
  translate: SourcedModel;
  embed: EncoderModel;
  'embed-tokens': EncoderModel;
  classify: EncoderModel;
  score: EncoderModel;
  'embed-pictures': VisionModel;
  'classify-pictures': VisionModel;
  'score-pictures': VisionModel;
  match: TowersModel;
  label: EncoderModel;
  fill: EncoderModel;
  answer: EncoderModel;
  transcribe: SpeechModel;
  interpret: SpeechModel;
  tokenize: TextModel;
  tensors: TensorModel;
}

/** Where a served model comes from, and how long it stays in memory. */
export interface ModelSource {
  /** The name that requests use. */
  readonly id: string;
  /** Other names for it. */
  readonly aliases?: readonly string[];
  /** How long it may be without requests before it is unloaded, in milliseconds; undefined: it stays. */
  readonly idleMs?: number | undefined;
  /** Undefined where nothing is known of it before it is loaded: its folder is broken, or not here yet. */
  readonly card?: ModelCard | undefined;
  /** True if it is to be loaded before the server calls itself ready. */
  readonly atStart?: boolean | undefined;
  /**
   * How long after a failed load requests get its error, without another attempt, in milliseconds; default 0.
   */
  readonly retryMs?: number | undefined;
  /** Called again after the model was unloaded, or a load failed. */
  load(): Promise<Model>;
}

/** A served model as it is at this moment. */
export interface ServedEntry {
  readonly id: string;
  readonly aliases: readonly string[];
  /** `failed`: the last load did; `loading` also before the load that is due at the start. */
  readonly state: 'loaded' | 'loading' | 'unloaded' | 'failed';
  /** Undefined as long as nothing is known of it, see {@link ModelSource}. */
  readonly card: ModelCard | undefined;
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
  /** True until each model that is to be loaded at the start is, or has failed. */
  readonly starting: boolean;
  /** Those that are in memory, in the order in which they were named at start. */
  loaded(): readonly Model[];
  /** All that are served, loaded or not, in the same order. */
  entries(): readonly ServedEntry[];
  /** @throws KvasirError `model_not_found` */
  entry(id: string): ServedEntry;
  /**
   * The model that answers requests which want this and name none: loaded or not, it is always the same one.
   * A model that cannot be loaded is passed over as long as there is another.
   */
  find(ability: Ability): ServedEntry | undefined;
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
