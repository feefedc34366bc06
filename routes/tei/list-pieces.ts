/**
 * JSON of a list in pieces that each take a few milliseconds to write.
 *
 * @param written an item as JSON, in such pieces.
 */
export function* listPieces<T>(
  items: Iterable<T>,
  written: (item: T) => Iterable<string>,
): Generator<string> {
  let separator = '[';
  for (const item of items) {
    yield separator;
    yield* written(item);
    separator = ',';
  }
  yield separator === '[' ? '[]' : ']';
}
