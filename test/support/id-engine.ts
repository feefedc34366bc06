import type { Test } from 'tap';
import { Engine } from '#engine/engine.js';
import type { GenerationEngine, GenerationRequest } from '#engine/types.js';
import type { Decoder } from '#model/decoder/contract.js';
import { letterTokenizer } from './letter-tokenizer.js';
import type { Hypothesis } from './seq2seq-fixtures.js';

/** An engine whose texts are of no interest, only their tokens. */
export function idEngine(t: Test, decoder: Decoder): GenerationEngine {
  const { vocabularySize } = decoder.shape;
  const engine = new Engine(decoder, { ...letterTokenizer, vocabularySize });
  t.teardown(() => engine.close());
  return engine;
}

/** What comes of a request, best first; one text where it has no beams. */
export async function hypotheses(
  engine: GenerationEngine,
  request: GenerationRequest,
): Promise<Hypothesis[]> {
  const ids: number[] = [];
  for await (const event of engine.generate(request)) {
    if (event.type !== 'delta') continue;
    if (event.hypotheses !== undefined)
      return event.hypotheses.map(({ tokens, score }) => ({ ids: tokens.map(({ id }) => id), score }));
    ids.push(...event.tokens.map(({ id }) => id));
  }
  return [{ ids }];
}
