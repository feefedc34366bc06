import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { failure } from './errors/error-handling.js';
import type { ErrorBody } from './errors/errors.js';

/**
 * Sends events as a `text/event-stream` in OpenAI's manner: one `data:` line of JSON each, an error in
 * mid-stream as an event of its own, `[DONE]` at the end.
 *
 * Nothing is sent before the first event is there: what is thrown until then gets its proper status. An event
 * is fetched only when the client has taken what came before it, but for a socket's buffer.
 *
 * A client that leaves stops the reading, but an iterator that is waiting at that moment cannot be
 * interrupted: give the source the request's `scope.signal` as well.
 *
 * @throws whatever `events` throws before its first event.
 */
export async function sendEvents(reply: FastifyReply, events: AsyncIterable<object>): Promise<FastifyReply> {
  return send(reply, events, {
    frame: event => frame(event),
    failure: body => frame(body),
    end: frame('[DONE]'),
  });
}

/**
 * Sends events that have a type, in the manner of OpenAI's Responses API: the type is the name of the event
 * as well, and so is `error` of one in mid-stream; the last event is whatever it is. Otherwise as {@link
 * sendEvents}.
 */
export async function sendTypedEvents(
  reply: FastifyReply,
  events: AsyncIterable<{ readonly type: string }>,
): Promise<FastifyReply> {
  return send(reply, events, {
    frame: event => frame(event, event.type),
    failure: ({ error: { message, param, code } }, number) =>
      frame({ type: 'error', code, message, param, sequence_number: number }, 'error'),
    end: '',
  });
}

/** How events are written. */
interface Manner<T> {
  readonly frame: (event: T) => string;
  /** @param number how many events came before. */
  readonly failure: (body: ErrorBody, number: number) => string;
  readonly end: string;
}

async function send<T extends object>(
  reply: FastifyReply,
  events: AsyncIterable<T>,
  manner: Manner<T>,
): Promise<FastifyReply> {
  const iterator = events[Symbol.asyncIterator]();
  const first = await iterator.next();
  return reply
    .headers({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      // nginx would hold events back to fill its buffer.
      'x-accel-buffering': 'no',
    })
    .send(Readable.from(frames(first, iterator, reply, manner)));
}

async function* frames<T extends object>(
  first: IteratorResult<T>,
  rest: AsyncIterator<T>,
  reply: FastifyReply,
  manner: Manner<T>,
): AsyncGenerator<string> {
  let number = 0;
  try {
    for (let result = first; !result.done; result = await rest.next()) {
      number++;
      yield manner.frame(result.value);
    }
  } catch (error) {
    yield manner.failure(failure(error, reply).body, number);
  } finally {
    await rest.return?.();
  }
  if (manner.end !== '') yield manner.end;
}

function frame(data: object | string, name?: string): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `${name === undefined ? '' : `event: ${name}\n`}data: ${text}\n\n`;
}
