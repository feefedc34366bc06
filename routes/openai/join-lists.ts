/** One list of several, of which some are missing; undefined where all are. */
export function joinLists<T>(lists: readonly (readonly T[] | undefined)[]): T[] | undefined {
  return lists.some(list => list !== undefined) ? lists.flatMap(list => list ?? []) : undefined;
}
