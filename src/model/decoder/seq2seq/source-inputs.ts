import { Tensor } from '#runtime/index.js';
import type { SourceEntry, WaveformShape } from '../contract.js';

/** What a run of an encoder's graph reads. */
export interface SourceInputs {
  /** Positions of each source. */
  readonly lengths: Int32Array;
  /** By the inputs' names; whoever asked disposes them. */
  readonly inputs: ReadonlyMap<string, Tensor>;
}

/** Texts, padded to the longest. */
export function textInputs(entries: readonly SourceEntry[]): SourceInputs {
  const rows = entries.length;
  const longest = Math.max(...entries.map(({ ids }) => ids.length));
  const ids = new BigInt64Array(rows * longest);
  entries.forEach(({ ids: own }, row) => own.forEach((id, i) => (ids[row * longest + i] = BigInt(id))));
  const lengths = Int32Array.from(entries, ({ ids: own }) => own.length);
  return {
    lengths,
    inputs: new Map([
      ['input_ids', Tensor.fromArray(ids, [rows, longest])],
      ['lengths', Tensor.fromArray(lengths, [rows])],
    ]),
  };
}

/** The samples of one sound. */
export function waveformInputs({ sound }: SourceEntry, shape: WaveformShape): SourceInputs {
  const { features } = sound!;
  return {
    lengths: Int32Array.of(shape.positions(features.length)),
    inputs: new Map([['samples', Tensor.fromArray(features, [1, 1, features.length])]]),
  };
}
