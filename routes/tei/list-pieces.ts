/** JSON of a list in pieces of one item each. @param written an item as JSON. */
export function* listPieces<T>(items: Iterable<T>, written: (item: T) => string): Generator<string> {
  yield '[';
  let separator = '';
  for (const item of items) {
    yield separator + written(item);
    separator = ',';
  }
  yield ']';
}
