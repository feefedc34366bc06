import type { Caller } from '#caller.js';
import { invalidRequest } from '#errors.js';
import type { EncoderModel } from '#registry/types.js';
import { lexicalWeights, SparsePooling, type SparseVector } from '#results/sparse.js';
import { Turns } from '#turns.js';
import { weighedTokens } from './embed-tokens.js';
import { withPlaces } from './inputs.js';
import type { InputLimit, Source } from '#text/inputs.js';

/** Logits of one run, which are in memory at once. */
const LOGITS_AT_ONCE = 2 ** 24;

/** Most components of all vectors together. */
export const MAX_COMPONENTS = 2 ** 22;

/**
 * A sparse vector over the vocabulary for each source.
 *
 * @param model a masked language model, or an embedder that tells weights of tokens.
 * @throws KvasirError as `encodeInput` and the encoder; `invalid_request` where the vectors have more than
 * {@link MAX_COMPONENTS} components together
 */
export async function embedSparse(
  model: EncoderModel,
  sources: readonly Source[],
  limit: InputLimit,
  caller: Caller,
  param: string,
): Promise<SparseVector[]> {
  if (model.sentences.hasTokenHeads) {
    const read = await weighedTokens(model, sources, limit, caller, param);
    const unread = unweighed(model);
    return read.map(({ ids, weights }) => lexicalWeights(ids, weights, unread));
  }
  const inputs = await withPlaces(model, sources.length, caller, () =>
    model.texts.map('encodeInput', sources, limit, caller, param),
  );
  const { encoder, width, sentences } = model;
  const { splade, mostComponents } = sentences;
  const positionsAtOnce = Math.max(1, Math.floor(LOGITS_AT_ONCE / width));
  const turns = new Turns();
  const vectors: SparseVector[] = [];
  let components = 0;
  // One text after the other: the logits of a single one may take as much memory as may be.
  for (const input of inputs) {
    const pooling = new SparsePooling(width, splade);
    for (let from = 0; from < input.ids.length; from += positionsAtOnce) {
      const to = Math.min(from + positionsAtOnce, input.ids.length);
      const positions = Array.from({ length: to - from }, (_, i) => from + i);
      const [output] = await encoder.encode([{ ...input, positions }], caller);
      for (let row = 0; row < output!.rows; row++) {
        pooling.add(output!.values.subarray(row * width, (row + 1) * width));
        if (turns.isOver) await turns.next();
      }
    }
    const vector = pooling.vector(mostComponents);
    components += vector.values.length;
    if (components > MAX_COMPONENTS)
      throw invalidRequest(
        param,
        `${param}: the sparse vectors have more than ${MAX_COMPONENTS} components together; send fewer texts at once`,
      );
    vectors.push(vector);
  }
  return vectors;
}

/** Tokens whose weights say nothing of a text: all special ones but the mask. */
function unweighed({ tokenizer }: EncoderModel): ReadonlySet<number> {
  return new Set([...tokenizer.specialIds].filter(id => id !== tokenizer.maskId));
}
