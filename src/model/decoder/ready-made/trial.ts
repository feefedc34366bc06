import { KvasirError } from '#errors.js';
import { OrtError } from '#runtime/index.js';
import { requireEncoded, trialSource } from '../../trial.js';
import type { BatchEntry, Decoder, WantedLogits } from '../contract.js';
import type { Restrictions } from './cautious-decoder.js';

/** Tokens of the trial's sequences; they are ragged on purpose. */
const LENGTHS = [11, 4];
/** Where a decoder attends to sources, it runs those together that are as long, and have sources as long. */
const SOURCED_LENGTHS = [11, 11];

/**
 * Logits of a sequence that was continued by a token may differ from those of the whole by what coarse
 * quantization does, not more.
 */
const COARSE = 0.5;

/**
 * Tries out what a graph's names do not tell: whether it continues a sequence by several tokens at once, and
 * runs several sequences of different lengths at once, with the same logits as one alone. Some exports get
 * their positions or masks wrong there, and some quantize all that they are given by one scale. Takes a few
 * runs of a few tokens.
 *
 * @param tolerance largest difference, as a share of the largest logit, that rounding may cause.
 * @throws KvasirError `unsupported_model` where even one sequence, token by token, comes out wrong; OrtError
 * where it does not run
 */
export async function findRestrictions(decoder: Decoder, tolerance: number): Promise<Restrictions> {
  const { vocabularySize, contextLength } = decoder.shape;
  const { source } = decoder;
  const lengths = source === undefined ? LENGTHS : SOURCED_LENGTHS;
  const sequences = lengths.map((length, row) =>
    trialTokens(row, Math.min(length, contextLength), vocabularySize),
  );
  /** Gives slots from 0 on their sources, if there are any. */
  const encode = async (...rows: readonly number[]): Promise<void> => {
    if (source === undefined) return;
    const length = Math.min(SOURCED_LENGTHS[0]!, source.longest);
    const sources = rows.map(row =>
      trialSource(source, trialTokens(row + lengths.length, length, source.vocabularySize || vocabularySize)),
    );
    await requireEncoded(decoder, sources);
  };
  const [longer] = sequences as [number[]];
  const run = async (...entries: readonly BatchEntry[]): Promise<Float32Array[]> => {
    const { results } = await decoder.run(entries);
    return results.map(result => {
      if ('error' in result) throw result.error;
      return result.logits.slice();
    });
  };
  /** Runs tokens `[from, to)` of a sequence in a slot. */
  const piece = (
    sequence: readonly number[],
    from: number,
    to: number,
    wanted: WantedLogits,
    slot = 0,
  ): BatchEntry => ({ slot, ids: sequence.slice(from, to), computed: from, wanted });

  await encode(0);
  const [whole] = await run(piece(longer, 0, longer.length, 'last'));
  const alone: Float32Array[] = [];
  for (const [row, sequence] of sequences.entries()) {
    await encode(row);
    const last = sequence.length - 1;
    await run(piece(sequence, 0, last, 'none'));
    alone.push(...(await run(piece(sequence, last, last + 1, 'last'))));
  }
  if (!agree(alone[0]!, whole!, COARSE))
    throw new KvasirError('unsupported_model', 'the graph gives other logits with its cache than without');

  const inChunks = await attempt(async () => {
    await encode(0);
    const half = Math.floor(longer.length / 2);
    await run(piece(longer, 0, half, 'none'));
    const [logits] = await run(piece(longer, half, longer.length, 'last'));
    return agree(logits!, whole!, tolerance);
  });
  const together = await attempt(async () => {
    if (decoder.slots < sequences.length) return true;
    const agreeAll = (logits: readonly Float32Array[]): boolean =>
      alone.every((expected, row) => agree(logits[row]!, expected, tolerance));
    await encode(...sequences.keys());
    const prompts = sequences.map((ids, slot) => piece(ids, 0, ids.length, 'last', slot));
    if (!agreeAll(await run(...prompts))) return false;
    return agreeAll(
      await run(...sequences.map((ids, slot) => piece(ids, ids.length - 1, ids.length, 'last', slot))),
    );
  });
  for (let slot = 0; slot < Math.min(decoder.slots, sequences.length); slot++)
    decoder.arrange({ kind: 'release', slot, from: 0 });
  return { noChunks: !inChunks, noBatches: !together };
}

/** Tokens of a row of the trial, which differ from row to row. */
function trialTokens(row: number, length: number, vocabularySize: number): number[] {
  return Array.from({ length }, (_, i) => (row * 31 + i * 7 + 5) % vocabularySize);
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
