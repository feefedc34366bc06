import type { Model } from '#registry/types.js';
import { abilitiesOf, type EncoderAbility } from './encoders/models.js';

/** What requests may ask of a model: endpoints below `/v1`, and `tools` where it can call functions in a chat. */
export const CAPABILITIES = [
  'completions',
  'chat/completions',
  'tools',
  'embeddings',
  'classify',
  'score',
  'rerank',
  'token-classification',
  'fill-mask',
  'question-answering',
] as const;

export type Capability = (typeof CAPABILITIES)[number];

const OF_ENCODERS: Readonly<Record<EncoderAbility, readonly Capability[]>> = {
  embed: ['embeddings'],
  classify: ['classify'],
  score: ['score', 'rerank'],
  label: ['token-classification'],
  fill: ['fill-mask'],
  answer: ['question-answering'],
};

/** @returns in the order of {@link CAPABILITIES}. */
export function capabilitiesOf(model: Model): Capability[] {
  if (model.kind === 'encoder') return abilitiesOf(model).flatMap(ability => OF_ENCODERS[ability]);
  if (model.kind === 'raw') return [];
  const { chat } = model;
  return [
    'completions',
    ...(chat === undefined ? [] : (['chat/completions'] as const)),
    ...(chat?.toolFormat === undefined ? [] : (['tools'] as const)),
  ];
}
