import { Turns } from '#turns.js';

/** Text in pieces as one, written in turns with other requests. */
export async function inTurns(pieces: Iterable<string>): Promise<string> {
  const written = [];
  const turns = new Turns();
  for (const piece of pieces) {
    written.push(piece);
    if (turns.isOver) await turns.next();
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
