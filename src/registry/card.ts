import type { EncoderTask } from '#model/encoder/contract.js';
import type { SamplingConfig } from '#model/sampling-config.js';
import type { VisionTask } from '#model/vision/contract.js';

/**
 * Something that a request can want of a model. `embed`, `classify` and `score` are about texts, those with
 * `-pictures` about pictures, and `match` about both in one space.
 */
export const ABILITIES = [
  'complete',
  'chat',
  'tools',
  'translate',
  'embed',
  'embed-tokens',
  'embed-sparse',
  'classify',
  'score',
  'embed-pictures',
  'classify-pictures',
  'score-pictures',
  'match',
  'label',
  'fill',
  'answer',
  'transcribe',
  'interpret',
  'tokenize',
  'tensors',
] as const;

export type Ability = (typeof ABILITIES)[number];

/** Languages between which a model translates, by its own codes: from each of the sources to each other target. */
export interface TranslatedLanguages {
  readonly sources: readonly string[];
  readonly targets: readonly string[];
}

/** What a model hears. */
export interface HeardLanguages {
  /** Codes of the languages that it knows; none where its folder does not say. */
  readonly languages: readonly string[];
  /** Whether it can write English for what is said in others. */
  readonly translates: boolean;
  /** Whether it tells when something is said. */
  readonly tellsTimes: boolean;
}

/**
 * What a model is and can do, as its folder says it: known before the model is loaded, and the same
 * afterwards.
 */
export interface ModelCard {
  /**
   * Its main use: `text-generation`, `text2text-generation`, `automatic-speech-recognition`, the task of an encoder
   * such as `embedding` or `image-classification`, `zero-shot-image-classification`, or `raw-tensors`.
   */
  readonly task: string;
  readonly abilities: ReadonlySet<Ability>;
  /**
   * Longest input in tokens as it is served (for generators: input and output together); undefined for models
   * that read no text, and where nothing says it.
   */
  readonly contextLength?: number | undefined;
  /** What it translates; undefined: it was made for something else. */
  readonly translates?: TranslatedLanguages | undefined;
  /** Of a model that hears. */
  readonly hears?: HeardLanguages | undefined;
  /** How a generator's tokens are chosen where a request does not say, as its own files have it. */
  readonly sampling?: SamplingConfig | undefined;
  /** Names of a classifier's labels, in the order of its logits; empty for all others. */
  readonly labels: readonly string[];
  /** Whether an encoder cuts inputs that are too long where a request does not say. */
  readonly autoTruncate?: boolean | undefined;
}

/**
 * @param chat whether it was made for conversations, and whether its template knows of tools; undefined: it
 * was not.
 */
export function generatorCard(
  contextLength: number | undefined,
  chat: { readonly tools: boolean } | undefined,
  sampling: SamplingConfig = {},
): ModelCard {
  const abilities = new Set<Ability>(['complete', 'tokenize']);
  if (chat !== undefined) abilities.add('chat');
  if (chat?.tools) abilities.add('tools');
  return { task: 'text-generation', abilities, contextLength, sampling, labels: [] };
}

/** Undefined where a model knows no languages, or does not say which it reads or writes. */
export function translatedLanguages(
  codes: Partial<TranslatedLanguages> = {},
): TranslatedLanguages | undefined {
  const { sources = [], targets = [] } = codes;
  return sources.length > 0 && targets.length > 0 ? { sources, targets } : undefined;
}

/**
 * The card of a model that reads a source and writes another text.
 *
 * @param contextLength longest text that it writes, in tokens.
 * @param translates what it translates, if it was made for that.
 */
export function sourcedCard(contextLength: number, translates: TranslatedLanguages | undefined): ModelCard {
  const abilities = new Set<Ability>(['complete', 'tokenize']);
  if (translates) abilities.add('translate');
  return { task: 'text2text-generation', abilities, contextLength, translates, labels: [] };
}

/** The card of a model that writes down what it hears. */
export function speechCard(hears: HeardLanguages): ModelCard {
  const abilities = new Set<Ability>(['transcribe']);
  if (hears.translates) abilities.add('interpret');
  return { task: 'automatic-speech-recognition', abilities, hears, labels: [] };
}

/**
 * What encoders can do by their heads; a classifier with one label scores pairs of texts as well, as a
 * cross-encoder.
 */
const OF_HEADS: Readonly<Record<EncoderTask, readonly Ability[]>> = {
  embedding: ['embed', 'embed-tokens', 'score'],
  'token-embedding': ['embed-tokens', 'score'],
  'sequence-classification': ['classify'],
  'token-classification': ['label'],
  'fill-mask': ['fill', 'embed-sparse'],
  'question-answering': ['answer'],
};

/** What of a model's card its head does not tell. */
export interface EncoderCardOptions {
  readonly autoTruncate?: boolean | undefined;
  /** Whether an embedder tells weights of tokens, too. */
  readonly hasTokenHeads?: boolean | undefined;
}

export function encoderCard(
  task: EncoderTask,
  contextLength: number | undefined,
  labels: readonly string[],
  { autoTruncate = false, hasTokenHeads = false }: EncoderCardOptions = {},
): ModelCard {
  const abilities = new Set<Ability>([...OF_HEADS[task], 'tokenize', 'tensors']);
  if (hasTokenHeads) abilities.add('embed-sparse');
  if (abilities.has('classify') && labels.length === 1) abilities.add('score');
  return { task, abilities, contextLength, labels, autoTruncate };
}

/** What models of pictures can do by their heads. */
const OF_SIGHT: Readonly<Record<VisionTask, readonly Ability[]>> = {
  'image-embedding': ['embed-pictures', 'score-pictures'],
  'image-classification': ['classify-pictures'],
};

/** The card of a model that reads pictures alone. */
export function visionCard(task: VisionTask, labels: readonly string[]): ModelCard {
  return { task, abilities: new Set<Ability>([...OF_SIGHT[task], 'tensors']), labels };
}

/** The card of two towers, which read texts and pictures into one space; its task is as Hugging Face calls it. */
export function towersCard(contextLength: number | undefined, autoTruncate = false): ModelCard {
  const { abilities, ...card } = encoderCard('embedding', contextLength, [], { autoTruncate });
  return {
    ...card,
    task: 'zero-shot-image-classification',
    abilities: new Set<Ability>([...abilities, ...OF_SIGHT['image-embedding'], 'match']),
  };
}

/** The card of a graph that is run as it is, on tensors of those who ask. */
export const TENSORS_CARD: ModelCard = { task: 'raw-tensors', abilities: new Set(['tensors']), labels: [] };

/**
 * Of several models the one that answers a request which names none: the first that can. Cross-encoders score
 * better than embedders, so they come before them.
 */
export function firstWith<T extends { readonly card?: ModelCard | undefined }>(
  models: readonly T[],
  ability: Ability,
): T | undefined {
  const able = models.filter(({ card }) => card?.abilities.has(ability));
  const better = ability === 'score' ? able.find(({ card }) => card!.abilities.has('classify')) : undefined;
  return better ?? able[0];
}
