import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long one request may keep the event loop to itself, in milliseconds. */
const TURN = 10;

/** Text in pieces as one, written in turns with other requests. */
export async function inTurns(pieces: Iterable<string>): Promise<string> {
  const written = [];
  let started = performance.now();
  for (const piece of pieces) {
    written.push(piece);
    if (performance.now() - started < TURN) continue;
    await nextTurn();
    started = performance.now();
  }
  return written.join('');
}

/**
 * JSON of an answer with a list that may be long, in pieces of one item each: `{...head, [name]: items, ...tail}`.
 *
 * @param head not empty.
 * @param tail not empty.
 */
export function* answerPieces(
  head: object,
  name: string,
  items: Iterable<object>,
  tail: object,
): Generator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},${JSON.stringify(name)}:[`;
  let separator = '';
  for (const item of items) {
    yield separator + JSON.stringify(item);
    separator = ',';
  }
  yield `],${JSON.stringify(tail).slice(1)}`;
}
