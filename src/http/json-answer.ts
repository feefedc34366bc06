import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { Turns } from '#turns.js';
import { jsonPieces } from './json-pieces.js';

/** Characters of an answer that are sent as one. */
const MOST_AT_ONCE = 2 ** 20;

/** Text in pieces as one, written in turns with other requests. */
export async function inTurns(pieces: Iterable<string>): Promise<string> {
  const written: string[] = [];
  for await (const piece of takingTurns(pieces)) written.push(piece);
  return written.join('');
}

/** Sends JSON in pieces, written in turns with other requests; a long one as it is written. */
export async function sendPieces(reply: FastifyReply, pieces: Iterable<string>): Promise<FastifyReply> {
  const written = takingTurns(pieces);
  let begin = '';
  for (let next = await written.next(); ; next = await written.next()) {
    if (next.done) return reply.type('application/json; charset=utf-8').send(begin);
    begin += next.value;
    if (begin.length > MOST_AT_ONCE) break;
  }
  return reply.type('application/json; charset=utf-8').send(Readable.from(concat(begin, written)));
}

async function* concat(begin: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield begin;
  yield* rest;
}

async function* takingTurns(pieces: Iterable<string>): AsyncGenerator<string> {
  const turns = new Turns();
  for (const piece of pieces) {
    yield piece;
    if (turns.isOver) await turns.next();
  }
}

/**
 * JSON of an answer with a list that may be long, in pieces of one item each, or of less where an item is long:
 * `{...head, [name]: items, ...tail}`.
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
    if (separator !== '') yield separator;
    yield* jsonPieces(item);
    separator = ',';
  }
  yield '],';
  let begun = false;
  for (const piece of jsonPieces(tail)) {
    yield begun ? piece : piece.slice(1);
    begun = true;
  }
}
