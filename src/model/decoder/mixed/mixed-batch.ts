import type { BatchEntry } from '../contract.js';
import type { MixedPart } from '../run-ways.js';

/** The inputs of a run as the graph takes them. */
export interface MixedArrays {
  /** Tokens of rows that decode, then prompts, each padded on the right to the longest. */
  readonly ids: BigInt64Array;
  /** Where each of them stands in its sequence; what pads is at 0. */
  readonly positions: BigInt64Array;
  /** Positions that each row's cache holds after the run, less 1. */
  readonly decodeLast: Int32Array;
  readonly promptLast: Int32Array;
  /** The most that a row holds after the run. */
  readonly decodeLongest: number;
  readonly promptLongest: number;
  /** Tokens of a prompt, padding included. */
  readonly width: number;
  /** Which of all tokens have logits that are wanted, entry after entry. */
  readonly wanted: BigInt64Array;
}

/** Lays a run's tokens out. */
export function layOut({ decode, prompts }: MixedPart): MixedArrays {
  const rows = decode.length;
  const width = Math.max(...prompts.map(({ ids }) => ids.length));
  const tokens = rows + prompts.length * width;
  const [ids, positions] = [new BigInt64Array(tokens), new BigInt64Array(tokens)];
  const wanted: bigint[] = [];
  decode.forEach(({ ids: [id], computed }, row) => {
    ids[row] = BigInt(id!);
    positions[row] = BigInt(computed);
    wanted.push(BigInt(row));
  });
  prompts.forEach(({ ids: own, computed, wanted: which }, row) => {
    const begin = rows + row * width;
    own.forEach((id, i) => {
      ids[begin + i] = BigInt(id);
      positions[begin + i] = BigInt(computed + i);
    });
    const from = which === 'none' ? own.length : which === 'last' ? own.length - 1 : 0;
    for (let i = from; i < own.length; i++) wanted.push(BigInt(begin + i));
  });
  const after = ({ ids: own, computed }: BatchEntry): number => computed + own.length;
  return {
    ids,
    positions,
    decodeLast: Int32Array.from(decode, entry => after(entry) - 1),
    promptLast: Int32Array.from(prompts, entry => after(entry) - 1),
    decodeLongest: Math.max(...decode.map(after)),
    promptLongest: Math.max(...prompts.map(({ computed }) => computed + width)),
    width,
    wanted: BigInt64Array.from(wanted),
  };
}
