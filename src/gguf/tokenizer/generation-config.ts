import type { GgufMetadata } from '../metadata.js';
import { endingIds } from './generation-ends.js';
import type { GgufVocabulary } from './vocabulary.js';

/** How tokens are drawn where a request does not say it: fields of transformers by llama.cpp's names. */
const SAMPLING: readonly (readonly [field: string, key: string])[] = [
  ['temperature', 'temp'],
  ['top_k', 'top_k'],
  ['top_p', 'top_p'],
  ['min_p', 'min_p'],
  ['repetition_penalty', 'penalty_repeat'],
];

/** The contents of generation_config.json: which tokens end a text, and what is said of drawing them. */
export function generationConfig(metadata: GgufMetadata, vocabulary: GgufVocabulary): object {
  const { roles } = vocabulary;
  const ends = endingIds(vocabulary);
  const sampling = SAMPLING.flatMap(([field, key]) => {
    const name = `general.sampling.${key}`;
    return metadata.has(name) ? [[field, decimal(metadata.number(name))] as const] : [];
  });
  const isGreedy = sampling.some(([field, value]) => field === 'temperature' && value === 0);
  const suppressed = metadata.numbers('tokenizer.ggml.suppress_tokens', []);
  return {
    ...(roles.has('bos') && { bos_token_id: roles.get('bos') }),
    ...(ends.length > 0 && { eos_token_id: ends }),
    ...(roles.has('pad') && { pad_token_id: roles.get('pad') }),
    ...(sampling.length > 0 && { do_sample: !isGreedy }),
    ...Object.fromEntries(sampling),
    ...(suppressed.length > 0 && { suppress_tokens: suppressed }),
  };
}

/** A number as its maker wrote it, before it became a float of 32 bits. */
function decimal(value: number): number {
  return Number(value.toPrecision(7));
}
