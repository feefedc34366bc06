import type { Caller } from '#caller.js';
import type { EncoderInput } from '#model/encoder/contract.js';
import type { EncoderModel } from '#registry/types.js';
import type { OneShotModel } from '#registry/vision-types.js';
import type { TokenVectors } from '#results/late-interaction.js';
import type { InputLimit, Source } from '#text/inputs.js';
import { expansionId } from '#text/expansion.js';
import { countTokens, withPlaces } from './inputs.js';

/** What a text is to a model that keeps a vector of each token. */
export type Role = 'query' | 'document';

export interface VectorsOfTexts {
  /** In the order of the sources. */
  readonly vectors: TokenVectors[];
  /** Of all sources together. */
  readonly tokens: number;
}

/** Whether a model keeps a vector of each token, rather than one of a text (ColBERT). */
export function keepsTokens(model: OneShotModel): model is EncoderModel {
  return 'task' in model && model.task === 'token-embedding';
}

/**
 * The vectors of texts as a model that keeps one of each token gives them: behind the prompt of their role, cut to its
 * length, queries made longer, and without the vectors that the model leaves out.
 *
 * @throws KvasirError as `encodeInput` and the encoder
 */
export async function tokenVectors(
  model: EncoderModel,
  sources: readonly Source[],
  role: Role,
  limit: InputLimit,
  caller: Caller,
  param: string,
): Promise<VectorsOfTexts> {
  const prompt = model.sentences.prompts.get(role) ?? '';
  const prompted = sources.map(source =>
    'text' in source ? { ...source, text: prompt + source.text } : source,
  );
  const own = ownLimit(model, role, limit);
  const read = await withPlaces(model, sources.length, caller, () =>
    model.texts.map('encodeInput', prompted, own, caller, param),
  );
  const marker = markerId(model, role);
  const marked = read.map((input, i) =>
    marker === undefined || 'ids' in sources[i]! ? input : withMarker(input, marker),
  );
  const inputs = role === 'query' ? marked.map(input => expanded(model, input)) : marked;
  const outputs = await model.encoder.encode(inputs, caller);
  const skipped = skippedIds(model, role);
  const vectors = outputs.map(({ values, width }, i) =>
    inputs[i]!.ids.flatMap((id, token) =>
      skipped.has(id) ? [] : [values.subarray(token * width, (token + 1) * width)],
    ),
  );
  return { vectors, tokens: countTokens(inputs) };
}

/** The model itself cuts queries and documents to lengths of their own, in which a marker has its place. */
function ownLimit(model: EncoderModel, role: Role, limit: InputLimit): InputLimit {
  const { queryLength, documentLength, expansion } = model.sentences.multiVector!;
  const length = role === 'document' ? documentLength : expansion?.isFixed ? expansion.length : queryLength;
  const room = markerId(model, role) === undefined ? 0 : 1;
  return length === undefined || length > limit.maxTokens
    ? { ...limit, maxTokens: limit.maxTokens - room }
    : { ...limit, maxTokens: length - room, cut: 'right' };
}

/** The token that tells what a text is. */
function markerId({ sentences, tokenizer }: EncoderModel, role: Role): number | undefined {
  const marker = sentences.multiVector!.markers?.[role] ?? '';
  return marker === '' ? undefined : tokenizer.id(marker);
}

function withMarker(input: EncoderInput, marker: number): EncoderInput {
  const behindFirst = (values: readonly number[], value: number): number[] => [
    ...values.slice(0, 1),
    value,
    ...values.slice(1),
  ];
  return {
    ...input,
    ids: behindFirst(input.ids, marker),
    typeIds: input.typeIds && behindFirst(input.typeIds, 0),
  };
}

function expanded({ sentences, tokenizer }: EncoderModel, input: EncoderInput): EncoderInput {
  const { expansion } = sentences.multiVector!;
  const missing = (expansion?.length ?? 0) - input.ids.length;
  if (expansion === undefined || missing <= 0) return input;
  const added = new Array<number>(missing).fill(expansionId(expansion, tokenizer)!);
  return {
    ids: [...input.ids, ...added],
    typeIds: input.typeIds && [...input.typeIds, ...added.map(() => 0)],
    unseen: expansion.isSeen ? 0 : missing,
  };
}

function skippedIds({ sentences, tokenizer }: EncoderModel, role: Role): ReadonlySet<number> {
  const { skipped, skips } = sentences.multiVector!;
  if (!skips[role]) return new Set();
  return new Set(skipped.map(word => tokenizer.id(word)).filter(id => id !== undefined));
}
