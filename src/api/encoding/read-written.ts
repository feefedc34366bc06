import type { Caller } from '#caller.js';
import { KvasirError } from '#errors.js';
import type { EncoderInput } from '#model/encoder/contract.js';
import type { EncoderModel, PairTemplate } from '#registry/types.js';
import type { InputLimit, Source } from '#text/inputs.js';
import { Turns } from '#turns.js';
import { promptOf, type PromptFields } from './prompt.js';

/**
 * Reads texts and pairs of texts as a chat template writes them. Of what is cut on the right the end of the template
 * stays, as in sentence-transformers: the model answers behind it.
 *
 * @param fields what the model is asked to do; by default what it says.
 * @throws KvasirError as `encodeInput` and the template
 */
export async function readWritten(
  model: EncoderModel,
  template: PairTemplate,
  sources: readonly Source[],
  limit: InputLimit,
  caller: Caller,
  fields?: PromptFields,
): Promise<EncoderInput[]> {
  const prompt = promptOf(model, fields);
  const turns = new Turns();
  const written: Source[] = [];
  for (const source of sources) {
    written.push(
      'ids' in source ? source : { param: source.param, text: await template.write(source, prompt, caller) },
    );
    if (!turns.isOver) continue;
    await turns.next();
    if (caller.signal.aborted) throw new KvasirError('cancelled', 'the request was cancelled');
  }
  const inputs = await model.texts.map('encodeInput', written, limit, caller, 'input');
  if (limit.cut !== 'right') return inputs;
  const ends = new Map<boolean, readonly number[]>();
  for (const [i, source] of sources.entries()) {
    const { ids } = inputs[i]!;
    if ('ids' in source || ids.length < limit.maxTokens) continue;
    const isPair = source.pair !== undefined;
    const end = ends.get(isPair) ?? (await template.end(isPair, prompt, caller));
    ends.set(isPair, end);
    const kept = Math.max(0, ids.length - end.length);
    inputs[i] = { ids: [...ids.slice(0, kept), ...end.slice(kept - ids.length)] };
  }
  return inputs;
}
