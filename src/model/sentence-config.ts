import { existsSync } from 'node:fs';
import path from 'node:path';
import { ModelConfig } from '#graph/config.js';
import type { MessageSettings } from '#graph/sentence-messages.js';
import type { MultiVector } from '#graph/sentence-multi-vector.js';
import { PLAIN_SPLADE, type Splade } from '#graph/sentence-splade.js';
import type { TaskAdapter } from '#graph/task-adapters.js';

/** Kinds of models that sentence-transformers saves and Kvasir serves. */
const KINDS = ['SentenceTransformer', 'CrossEncoder', 'SparseEncoder', 'MultiVectorEncoder'] as const;

/** How two embeddings of a model are meant to be compared. */
export const SIMILARITIES = ['cosine', 'dot', 'euclidean', 'manhattan', 'maxsim', 'mean_maxsim'] as const;

export type Similarity = (typeof SIMILARITIES)[number];

/** What sentence-transformers does to texts before a model reads them, and to its results afterwards. */
export interface SentenceConfig {
  /** Undefined where the folder does not say it, as those of older versions. */
  readonly kind: (typeof KINDS)[number] | undefined;
  /** Texts to put in front of others, such as `query: `, by name. */
  readonly prompts: ReadonlyMap<string, string>;
  /** The prompt of requests that name none; empty where there is none. */
  readonly defaultPrompt: string;
  /** Components of a vector that are kept; undefined: all. */
  readonly truncateDim: number | undefined;
  /** False if a prompt's tokens have no share in a text's vector. */
  readonly poolsPrompt: boolean;
  /** False if a text is read without special tokens around it. */
  readonly readsSpecialTokens: boolean;
  /** Of a model that keeps a vector of each token. */
  readonly multiVector: MultiVector | undefined;
  /** How a chat template writes pairs of texts; undefined: they are read as they are. */
  readonly message: MessageSettings | undefined;
  /**
   * True for an embedder that tells of each token a weight, and behind it a vector of length 1 to be compared (BGE-M3).
   */
  readonly hasTokenHeads: boolean;
  /** How sparse vectors are made, of a model with a head for masked tokens. */
  readonly splade: Splade;
  /** Components of a sparse vector that are kept, the largest ones; undefined: all. */
  readonly mostComponents: number | undefined;
  /** Python's name of the function from a cross-encoder's logits to its scores. */
  readonly activation: string | undefined;
  readonly similarity: Similarity;
  /** Adapters that requests may ask for, by their task; without one the weights are as they are. */
  readonly tasks: readonly TaskAdapter[];
}

/** Of a model that says nothing of it. */
export const PLAIN_SENTENCES: SentenceConfig = {
  kind: undefined,
  prompts: new Map(),
  defaultPrompt: '',
  truncateDim: undefined,
  poolsPrompt: true,
  readsSpecialTokens: true,
  multiVector: undefined,
  message: undefined,
  hasTokenHeads: false,
  splade: PLAIN_SPLADE,
  mostComponents: undefined,
  activation: undefined,
  similarity: 'cosine',
  tasks: [],
};

const FILE = 'config_sentence_transformers.json';

/**
 * Reads `config_sentence_transformers.json`, where there is one.
 *
 * @throws KvasirError `invalid_model` where it is broken, or its default prompt is none of its prompts;
 * `unsupported_model` for a kind of model that is not served
 */
export async function readSentenceConfig(folder: string): Promise<SentenceConfig> {
  if (!existsSync(path.join(folder, FILE))) return PLAIN_SENTENCES;
  const config = await ModelConfig.read(folder, FILE);
  const texts = config.section('prompts');
  const prompts = new Map(texts?.names.map(name => [name, texts.string(name, '')]));
  const name = config.has('default_prompt_name') ? config.string('default_prompt_name') : undefined;
  const defaultPrompt = name === undefined ? '' : prompts.get(name);
  if (defaultPrompt === undefined)
    return config.invalid(`default_prompt_name is '${name}', which is none of its prompts`);
  return {
    kind: config.has('model_type') ? readKind(config) : undefined,
    prompts,
    defaultPrompt,
    truncateDim: config.has('truncate_dim') ? config.size('truncate_dim') : undefined,
    poolsPrompt: true,
    readsSpecialTokens: true,
    multiVector: undefined,
    message: undefined,
    hasTokenHeads: false,
    splade: PLAIN_SPLADE,
    mostComponents: config.has('max_active_dims') ? config.size('max_active_dims') : undefined,
    activation: config.has('activation_fn') ? config.string('activation_fn') : undefined,
    // As PyLate calls it.
    similarity:
      config.string('similarity_fn_name', '') === 'MaxSim'
        ? 'maxsim'
        : config.choice('similarity_fn_name', SIMILARITIES, 'cosine'),
    tasks: [],
  };
}

function readKind(config: ModelConfig): (typeof KINDS)[number] {
  const type = config.string('model_type');
  // What PyLate calls it.
  if (type === 'ColBERT') return 'MultiVectorEncoder';
  return (
    KINDS.find(kind => kind === type) ??
    config.unsupported(`a ${type} of sentence-transformers; ${KINDS.join(', ')} are served`)
  );
}
