import type { Ability, ModelCard } from '#registry/card.js';

/**
 * What requests may ask for by ability, of texts, pictures or recordings: endpoints below `/v1`, `tools` where a model can call functions in a
 * chat, and `translate`, an endpoint at `/`.
 */
const OF_ABILITIES = {
  complete: ['completions'],
  chat: ['chat/completions'],
  tools: ['tools'],
  translate: ['translate'],
  embed: ['embeddings'],
  'embed-tokens': [],
  classify: ['classify'],
  score: ['score', 'rerank'],
  'embed-pictures': ['embeddings'],
  'classify-pictures': ['classify'],
  'score-pictures': ['score', 'rerank'],
  match: ['classify'],
  label: ['token-classification'],
  fill: ['fill-mask'],
  answer: ['question-answering'],
  transcribe: ['audio/transcriptions'],
  interpret: ['audio/translations'],
  tokenize: [],
  tensors: [],
} as const satisfies Record<Ability, readonly string[]>;

/** What models read or hear. */
export const MEDIA = ['text', 'image', 'audio'] as const;

export type Medium = (typeof MEDIA)[number];

/** Abilities that tell what a model reads. */
const READING: Readonly<Record<Medium, readonly Ability[]>> = {
  text: ['tokenize'],
  image: ['embed-pictures', 'classify-pictures'],
  audio: ['transcribe'],
};

/** Whether a model reads texts, pictures, or both, or hears. */
export function mediaOf({ abilities }: Pick<ModelCard, 'abilities'>): Medium[] {
  return MEDIA.filter(medium => READING[medium].some(ability => abilities.has(ability)));
}

/** All capabilities that there are. */
export const CAPABILITIES = [...new Set(Object.values(OF_ABILITIES).flat())];

export type Capability = (typeof CAPABILITIES)[number];

/** @returns in the order of {@link CAPABILITIES}. */
export function capabilitiesOf({ abilities }: ModelCard): Capability[] {
  const names = Object.keys(OF_ABILITIES) as Ability[];
  const able = names.filter(name => abilities.has(name)).flatMap<Capability>(name => OF_ABILITIES[name]);
  return [...new Set(able)];
}
