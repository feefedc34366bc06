import { KvasirError } from '#errors.js';
import { OrtError } from '#runtime/index.js';
import type { Decoder } from '../slots/slot-decoder.js';
import type { Restrictions } from './cautious-decoder.js';

/** Tokens of the trial's sequences; they are ragged on purpose. */
const LENGTHS = [11, 4];

/** Logits of a sequence that was continued by a token may differ from those of the whole by what coarse quantization does, not more. */
const COARSE = 0.5;

/**
 * Tries out what a graph's names do not tell: whether it continues a sequence by several tokens at once, and runs several sequences of
 * different lengths at once, with the same logits as one alone. Some exports get their positions or masks wrong there, and some quantize
 * all that they are given by one scale. Takes a few runs of a few tokens.
 *
 * @param tolerance largest difference, as a share of the largest logit, that rounding may cause.
 * @throws KvasirError `unsupported_model` where even one sequence, token by token, comes out wrong; OrtError where it does not run
 */
export async function findRestrictions(decoder: Decoder, tolerance: number): Promise<Restrictions> {
  const { vocabularySize, contextLength } = decoder.shape;
  const sequences = LENGTHS.map((length, row) =>
    Array.from(
      { length: Math.min(length, contextLength) },
      (_, i) => (row * 31 + i * 7 + 5) % vocabularySize,
    ),
  );
  const [longer] = sequences as [number[]];
  const whole = (await decoder.prefill(0, longer, 0, 'last')).slice();
  const alone: Float32Array[] = [];
  for (const sequence of sequences) {
    const last = sequence.length - 1;
    await decoder.prefill(0, sequence.slice(0, last), 0, 'none');
    alone.push((await decoder.prefill(0, sequence.slice(last), last, 'last')).slice());
  }
  if (!agree(alone[0]!, whole, COARSE))
    throw new KvasirError('unsupported_model', 'the graph gives other logits with its cache than without');

  const inChunks = await attempt(async () => {
    const half = Math.floor(longer.length / 2);
    await decoder.prefill(0, longer.slice(0, half), 0, 'none');
    return agree(await decoder.prefill(0, longer.slice(half), half, 'last'), whole, tolerance);
  });
  const together = await attempt(async () => {
    if (decoder.slots < sequences.length) return true;
    const agreeAll = (logits: Float32Array): boolean =>
      alone.every((expected, row) =>
        agree(logits.subarray(row * vocabularySize, (row + 1) * vocabularySize), expected, tolerance),
      );
    if (decoder.prefillTogether && !agreeAll(await decoder.prefillTogether(0, sequences))) return false;
    const lengths = sequences.map(({ length }) => length - 1);
    return agreeAll(
      await decoder.decode(
        sequences.map(sequence => sequence.at(-1)!),
        lengths,
      ),
    );
  });
  for (let slot = 0; slot < Math.min(decoder.slots, sequences.length); slot++) decoder.releaseSlot(slot, 0);
  return { noChunks: !inChunks, noBatches: !together };
}

/** A graph that was made for one row or one token refuses others. */
async function attempt(run: () => Promise<boolean>): Promise<boolean> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof OrtError) return false;
    throw error;
  }
}

function agree(found: Float32Array, expected: Float32Array, tolerance: number): boolean {
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    difference = Math.max(difference, Math.abs(found[i]! - expected[i]!));
  }
  // NaN compares as false.
  return difference <= tolerance * largest;
}
