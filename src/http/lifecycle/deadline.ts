import type { FastifyInstance } from 'fastify';
import { KvasirError, invalidRequest } from '#errors.js';

const HEADER = 'x-request-timeout';

/** Timers take no more milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * Takes requests back whose time is over: what the client asks for in `x-request-timeout`, in seconds, or
 * what the server allows.
 *
 * @param limit milliseconds; 0: none.
 */
export function limitTime(app: FastifyInstance, limit: number): void {
  app.addHook('onRequest', async ({ headers, scope }) => {
    const milliseconds = Math.min(asked(headers[HEADER]) ?? Infinity, limit > 0 ? limit : Infinity);
    if (milliseconds === Infinity) return;
    const timer = setTimeout(
      () => {
        scope.expired = true;
        scope.abort();
      },
      Math.min(milliseconds, LONGEST),
    );
    scope.whenDone(() => clearTimeout(timer));
  });
}

function asked(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  const seconds = typeof header === 'string' && header.trim() !== '' ? Number(header) : NaN;
  if (!(seconds > 0)) throw invalidRequest(HEADER, `${HEADER} must be a number of seconds above 0`);
  return seconds * 1000;
}

/**
 * What to answer for a request that was taken back: where its time was over, the engine's `cancelled` says
 * too little.
 */
export function deadlineExceeded(): KvasirError {
  return new KvasirError(
    'deadline_exceeded',
    'the time for the request was over before its answer was complete',
  );
}
