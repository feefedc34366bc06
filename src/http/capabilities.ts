import type { Ability, ModelCard } from '#registry/card.js';

/**
 * What requests may ask for by ability: endpoints below `/v1`, `tools` where a model can call functions in a
 * chat, and `translate`, an endpoint at `/`.
 */
const OF_ABILITIES = {
  complete: ['completions'],
  chat: ['chat/completions'],
  tools: ['tools'],
  translate: ['translate'],
  embed: ['embeddings'],
  classify: ['classify'],
  score: ['score', 'rerank'],
  label: ['token-classification'],
  fill: ['fill-mask'],
  answer: ['question-answering'],
  transcribe: ['audio/transcriptions'],
  interpret: ['audio/translations'],
  tokenize: [],
  tensors: [],
} as const satisfies Record<Ability, readonly string[]>;

/** All capabilities that there are. */
export const CAPABILITIES = Object.values(OF_ABILITIES).flat();

export type Capability = (typeof CAPABILITIES)[number];

/** @returns in the order of {@link CAPABILITIES}. */
export function capabilitiesOf({ abilities }: ModelCard): Capability[] {
  const names = Object.keys(OF_ABILITIES) as Ability[];
  return names.filter(name => abilities.has(name)).flatMap(name => OF_ABILITIES[name]);
}
