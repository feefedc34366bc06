import type { BlockTable } from '../../cache/block-table.js';
import type { BatchEntry } from '../contract.js';

/** A mixed batch as a graph with PagedAttention takes it: tokens one after the other, without padding. */
export interface PackedEntries {
  readonly ids: BigInt64Array;
  /** Where each entry's tokens begin, and where the last one's end. */
  readonly begins: Int32Array;
  /** Positions of each entry's slot that are filled already. */
  readonly pastLengths: Int32Array;
  /** `[entries, width]`: the blocks of each entry's slot. What is behind them is never read. */
  readonly blockTable: Int32Array;
  readonly width: number;
  /** The most tokens that an entry has, and the most positions that a slot has after the run. */
  readonly bounds: Int32Array;
  /** Which of all tokens have logits that are wanted. */
  readonly positions: BigInt64Array;
}

/** @param table has the entries' blocks already, those to be written included. */
export function packEntries(entries: readonly BatchEntry[], table: BlockTable): PackedEntries {
  const width = Math.max(...entries.map(({ slot }) => table.row(slot).length));
  const blockTable = new Int32Array(entries.length * width);
  const begins = new Int32Array(entries.length + 1);
  const ids: bigint[] = [];
  const positions: bigint[] = [];
  entries.forEach(({ slot, ids: own, wanted }, index) => {
    const first = ids.length;
    for (const id of own) ids.push(BigInt(id));
    const from = wanted === 'none' ? ids.length : wanted === 'last' ? ids.length - 1 : first;
    for (let position = from; position < ids.length; position++) positions.push(BigInt(position));
    begins[index + 1] = ids.length;
    blockTable.set(table.row(slot), index * width);
  });
  const longest = Math.max(...entries.map(({ ids: own }) => own.length));
  const lengths = entries.map(({ ids: own, computed }) => computed + own.length);
  return {
    ids: BigInt64Array.from(ids),
    begins,
    pastLengths: Int32Array.from(entries, ({ computed }) => computed),
    blockTable,
    width,
    bounds: Int32Array.of(longest, Math.max(...lengths)),
    positions: BigInt64Array.from(positions),
  };
}
