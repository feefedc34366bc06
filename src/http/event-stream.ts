import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { failure } from './error-handling.js';

/**
 * Sends events as a `text/event-stream` in OpenAI's manner: one `data:` line of JSON each, an error in mid-stream as an event of its own,
 * `[DONE]` at the end.
 *
 * Nothing is sent before the first event is there: what is thrown until then gets its proper status. An event is fetched only when the
 * client has taken what came before it, but for a socket's buffer.
 *
 * A client that leaves stops the reading, but an iterator that is waiting at that moment cannot be interrupted: give the source
 * `clientGone` as well.
 *
 * @throws whatever `events` throws before its first event.
 */
export async function sendEvents(reply: FastifyReply, events: AsyncIterable<object>): Promise<FastifyReply> {
  const iterator = events[Symbol.asyncIterator]();
  const first = await iterator.next();
  return reply
    .headers({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      // nginx would hold events back to fill its buffer.
      'x-accel-buffering': 'no',
    })
    .send(Readable.from(frames(first, iterator, reply)));
}

async function* frames(
  first: IteratorResult<object>,
  rest: AsyncIterator<object>,
  reply: FastifyReply,
): AsyncGenerator<string> {
  try {
    for (let result = first; !result.done; result = await rest.next())
      yield frame(JSON.stringify(result.value));
  } catch (error) {
    yield frame(JSON.stringify(failure(error, reply).body));
  } finally {
    await rest.return?.();
  }
  yield frame('[DONE]');
}

function frame(data: string): string {
  return `data: ${data}\n\n`;
}
