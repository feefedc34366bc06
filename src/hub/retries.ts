import { setTimeout as sleep } from 'node:timers/promises';
import { KvasirError } from '#errors.js';

/** Attempts of a request, and milliseconds between them: twice as long each time. */
export interface Backoff {
  readonly attempts: number;
  readonly firstDelay: number;
  readonly longestDelay: number;
}

export const DEFAULT_BACKOFF: Backoff = { attempts: 6, firstDelay: 500, longestDelay: 30_000 };

/** A failure that may be gone at the next attempt. */
export class TransientError extends Error {
  /** Milliseconds that the server asks to wait. */
  readonly retryAfter: number | undefined;

  constructor(message: string, options: { retryAfter?: number | undefined; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.retryAfter = options.retryAfter;
  }
}

export interface Retries {
  readonly backoff: Backoff;
  /** Aborts the attempt and the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Called before each wait. */
  readonly onRetry?: ((reason: string, delay: number) => void) | undefined;
  /** True if the last attempt got further than those before, which resets the count. */
  readonly advanced?: () => boolean;
}

/**
 * Repeats a task that fails with a {@link TransientError}.
 *
 * @throws KvasirError `download_failed` when all attempts have failed, `cancelled`, and whatever else the
 * task throws, at once
 */
export async function withRetries<T>(
  task: () => Promise<T>,
  { backoff, signal, onRetry, advanced }: Retries,
): Promise<T> {
  for (let failures = 0; ;) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      failures = advanced?.() ? 1 : failures + 1;
      if (failures >= backoff.attempts)
        throw new KvasirError('download_failed', `${error.message}; tried ${failures} times`, {
          cause: error,
        });
      const delay = waitFor(error, failures, backoff);
      onRetry?.(error.message, delay);
      await sleep(delay, undefined, signal && { signal }).catch(cancelled);
    }
  }
}

/** Waits for a random part of the upper half of the time, so that many clients do not come back at once. */
function waitFor({ retryAfter }: TransientError, failures: number, backoff: Backoff): number {
  const { firstDelay, longestDelay } = backoff;
  if (retryAfter !== undefined) return Math.min(retryAfter, longestDelay);
  return Math.min(firstDelay * 2 ** (failures - 1), longestDelay) * (0.5 + Math.random() / 2);
}

/** Throws the error of an aborted request. */
export function cancelled(cause: unknown): never {
  throw new KvasirError('cancelled', 'the download was cancelled', { cause });
}
