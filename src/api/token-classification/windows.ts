import type { KvasirError } from '#errors.js';
import { invalidRequest } from '#errors.js';
import { MAX_INPUTS } from '../encoding/inputs.js';
import type { EncoderOutput } from '#model/encoder/contract.js';
import { windows } from '#text/truncation.js';
import type { Encoding } from '#text/types.js';
import { mapInTurns } from '#turns.js';

/** A text in parts that the model can read. */
export interface TextWindows {
  readonly whole: Encoding;
  readonly windows: readonly Encoding[];
  /** Tokens of the text from one window's first to the next one's. */
  readonly step: number;
  /** Tokens of the text that two neighbours share. */
  readonly overlap: number;
}

/**
 * Cuts texts of any length.
 *
 * @param maxTokens of a window, special tokens included.
 * @param stride tokens that neighbouring windows share.
 * @throws KvasirError `invalid_request` where the stride leaves a window no tokens of its own, or there are
 * too many windows
 */
export async function cutTexts(
  wholes: readonly Encoding[],
  maxTokens: number,
  stride: number,
): Promise<TextWindows[]> {
  let count = 0;
  return mapInTurns(wholes, whole => {
    const room = maxTokens - (whole.ids.length - textPositions(whole).length);
    if (stride >= room)
      throw invalid('stride', `must be < ${room}, the tokens of a text that fit into a window`);
    const step = room - stride;
    count += Math.ceil(whole.ids.length / step);
    if (count > MAX_INPUTS) throw invalid('input', `makes more than ${MAX_INPUTS} windows of ${room} tokens`);
    return { whole, windows: windows(whole, maxTokens, stride), step, overlap: stride };
  });
}

/**
 * Results of the whole text: of a token that several windows share, that of the window in whose middle it is
 * most. Special tokens have none.
 *
 * @param outputs one for each window, in order.
 */
export function joinOutputs(
  { whole, windows: cut, step, overlap }: TextWindows,
  outputs: readonly EncoderOutput[],
): EncoderOutput {
  if (cut.length === 1) return outputs[0]!;
  const { width } = outputs[0]!;
  const values = new Float32Array(whole.ids.length * width);
  const positions = cut.map(textPositions);
  textPositions(whole).forEach((position, token) => {
    const middle = Math.floor((token - Math.floor(overlap / 2)) / step);
    const window = Math.min(Math.max(middle, 0), cut.length - 1);
    const row = positions[window]![token - window * step]!;
    values.set(outputs[window]!.values.subarray(row * width, (row + 1) * width), position * width);
  });
  return { values, rows: whole.ids.length, width };
}

/** Where the text's own tokens are. */
function textPositions({ origins }: Encoding): number[] {
  return origins.flatMap((origin, position) => (origin === undefined ? [] : [position]));
}

function invalid(param: string, fault: string): KvasirError {
  return invalidRequest(param, `${param} ${fault}`);
}
