import type { RowOrder } from './types.js';

/**
 * Rows in pairs that are turned together, as llama.cpp wants them of some families: of the halves of each head, one
 * row of the one and one of the other in turns.
 */
export function inPairs(headSize: number): RowOrder {
  return {
    span: headSize,
    storedRow(row) {
      const inHead = row % headSize;
      const [side, pair] = [Math.floor(inHead / (headSize / 2)), inHead % (headSize / 2)];
      return row - inHead + 2 * pair + side;
    },
  };
}

/**
 * All queries, then all keys, then all values, where the folder has those of a group together: the queries that share a
 * key and a value, and both of these.
 */
export function byKinds(heads: number, kvHeads: number, headSize: number): RowOrder {
  const queries = heads / kvHeads;
  return {
    span: (heads + 2 * kvHeads) * headSize,
    storedRow(row) {
      const [head, inHead] = [Math.floor(row / headSize), row % headSize];
      const [group, member] = [Math.floor(head / (queries + 2)), head % (queries + 2)];
      const stored =
        member < queries ? group * queries + member : heads + (member - queries) * kvHeads + group;
      return stored * headSize + inHead;
    },
  };
}
