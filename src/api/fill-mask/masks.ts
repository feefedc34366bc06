import { invalidRequest } from '#errors.js';
import type { TextSource } from '#text/inputs.js';
import type { Caller } from '#caller.js';
import type { EncoderModel } from '#registry/types.js';
import { fillMask } from '#results/masks.js';
import { codePointOffsets } from '#text/code-points.js';
import type { Encoding, Tokenizer } from '#text/types.js';

/** Most masks in one request; for each, the model computes a score for every token of its vocabulary. */
export const MAX_MASKS = 64;

/** A token in place of a mask. */
export interface Filling {
  /** A probability. */
  readonly score: number;
  readonly token: number;
  readonly token_str: string;
  /** The text with it in place of the mask. */
  readonly sequence: string;
}

/** A text's masks in their order, each with its place in code points and the most probable tokens first. */
export interface FilledText {
  readonly index: number;
  readonly masks: { readonly start: number; readonly end: number; readonly predictions: Filling[] }[];
}

/** Masks whose logits, one for each token of the vocabulary, are in memory at once. */
const MASKS_AT_ONCE = 16;

/** A text with masks. */
export interface MaskedInput extends Encoding {
  readonly text: string;
  /** Of the masks, at least one. */
  readonly positions: readonly number[];
}

export interface FillOptions {
  readonly topK: number;
  /** Only these tokens; undefined: all. */
  readonly targets: readonly number[] | undefined;
}

/**
 * Finds the masks of the texts.
 *
 * @throws KvasirError `invalid_request` where a text has none, or there are too many
 */
export function maskedInputs(
  tokenizer: Tokenizer,
  sources: readonly TextSource[],
  encodings: readonly Encoding[],
): MaskedInput[] {
  const { maskId } = tokenizer;
  if (maskId === undefined) throw invalidRequest('model', 'the model has no mask token');
  const inputs = encodings.map((encoding, index) => {
    const { param, text } = sources[index]!;
    const positions = encoding.ids.flatMap((id, position) => (id === maskId ? [position] : []));
    if (positions.length === 0) {
      const mask = JSON.stringify(tokenizer.token(maskId));
      throw invalidRequest(
        param,
        `${param} has no mask token, which is ${mask}, in what the model reads of it`,
      );
    }
    return { ...encoding, text, positions };
  });
  const masks = inputs.reduce((sum, { positions }) => sum + positions.length, 0);
  if (masks > MAX_MASKS) {
    throw invalidRequest(
      'input',
      `input has ${masks} masks, more than the ${MAX_MASKS} that one request may have`,
    );
  }
  return inputs;
}

/**
 * The ids of words, each of which must be one token of the model.
 *
 * @throws KvasirError `invalid_request`
 */
export function targetIds(
  { tokenizer, width }: EncoderModel,
  targets: string | readonly string[] | null | undefined,
): number[] | undefined {
  if (targets === null || targets === undefined) return undefined;
  const ids = [targets].flat().map((target: string, index) => {
    const known = tokenizer.id(target);
    const tokens = known === undefined ? tokenizer.encode(target, { addSpecialTokens: false }) : [known];
    const [id] = tokens;
    if (tokens.length === 1 && id! < width) return id!;
    const param = typeof targets === 'string' ? 'targets' : `targets[${index}]`;
    const fault = tokens.length === 1 ? 'a token without a score' : `${tokens.length} tokens`;
    throw invalidRequest(param, `${param} is ${fault} to this model, expected exactly one token`);
  });
  return [...new Set(ids)];
}

/** @throws KvasirError as the encoder */
export async function fillMasks(
  { tokenizer, encoder }: EncoderModel,
  inputs: readonly MaskedInput[],
  { topK, targets }: FillOptions,
  caller: Caller,
): Promise<FilledText[]> {
  const filled: FilledText[] = [];
  for (const group of inGroups(inputs)) {
    const outputs = await encoder.encode(group, caller);
    outputs.forEach(({ values, width }, index) => {
      const input = group[index]!;
      const offset = codePointOffsets(input.text);
      const masks = input.positions.map((position, row) => {
        const { start, end } = input.origins[position]!;
        const fillings = fillMask(values.subarray(row * width, (row + 1) * width), topK, targets);
        return {
          start: offset(start),
          end: offset(end),
          predictions: fillings.map(({ id, score }): Filling => ({
            score,
            token: id,
            token_str: tokenizer.decode([id], { skipSpecialTokens: false }),
            sequence: filledText(tokenizer, input, position, id),
          })),
        };
      });
      filled.push({ index: filled.length, masks });
    });
  }
  return filled;
}

/** Consecutive inputs with few masks together, or one input with as many as it has. */
function inGroups(inputs: readonly MaskedInput[]): MaskedInput[][] {
  const groups: MaskedInput[][] = [];
  let masks = Infinity;
  for (const input of inputs) {
    masks += input.positions.length;
    if (masks <= MASKS_AT_ONCE) groups.at(-1)!.push(input);
    else {
      groups.push([input]);
      masks = input.positions.length;
    }
  }
  return groups;
}

/**
 * The text with one mask filled. What the tokenizer puts between the token before it and the new one tells
 * whether a new word begins.
 */
function filledText(
  tokenizer: Tokenizer,
  { text, ids, origins }: MaskedInput,
  position: number,
  id: number,
): string {
  const decode = (some: number[]): string => tokenizer.decode(some, { skipSpecialTokens: false });
  const { start, end } = origins[position]!;
  const head = text.slice(0, start);
  const tail = text.slice(end);
  if (origins[position - 1] === undefined) return head + decode([id]).trimStart() + tail;
  const previous = ids[position - 1]!;
  const before = decode([previous]);
  const both = decode([previous, id]);
  const filling = both.startsWith(before) ? both.slice(before.length) : both;
  if (!filling.startsWith(' ')) return head.trimEnd() + filling + tail;
  return (/\s$/.test(head) ? head + filling.slice(1) : head + filling) + tail;
}
