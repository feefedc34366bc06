/** Items of a list that are written at once. */
const SLICE = 128;

/** Levels at which lists are looked for. */
const DEEPEST = 8;

/**
 * JSON of a value, as `JSON.stringify` writes it, in pieces that each take about as long: long lists, such as
 * a report of each token, are written a slice at a time.
 *
 * @param value plain data; not undefined.
 */
export function* jsonPieces(value: unknown, depth = DEEPEST): Generator<string> {
  if (!hasLongList(value, depth)) {
    yield JSON.stringify(value);
  } else if (Array.isArray(value)) {
    yield* listPieces(value as unknown[], depth);
  } else {
    let separator = '{';
    for (const [key, member] of Object.entries(value as object)) {
      if (member === undefined) continue;
      yield `${separator}${JSON.stringify(key)}:`;
      yield* jsonPieces(member, depth - 1);
      separator = ',';
    }
    yield '}';
  }
}

function* listPieces(list: readonly unknown[], depth: number): Generator<string> {
  yield '[';
  if (list.length > SLICE) {
    for (let begin = 0; begin < list.length; begin += SLICE) {
      const text = JSON.stringify(list.slice(begin, begin + SLICE)).slice(1, -1);
      yield begin === 0 ? text : `,${text}`;
    }
  } else {
    for (const [index, item] of list.entries()) {
      if (index > 0) yield ',';
      yield* jsonPieces(item ?? null, depth - 1);
    }
  }
  yield ']';
}

function hasLongList(value: unknown, depth: number): boolean {
  if (depth === 0 || typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value) && value.length > SLICE) return true;
  return Object.values(value).some(member => hasLongList(member, depth - 1));
}
