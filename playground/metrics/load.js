import { postJson } from '../api/client.js';

/** For how long, in milliseconds. */
const DURATION = 15_000;

/** Each is a request of its own, again and again. Browsers open six connections at most, and the numbers need some. */
const BEGINNINGS = ['Once upon a time', 'One day, a fox', 'In a small village', 'The little boat'];
/** Choices of each: in all a few more texts than there are slots by default. */
const CHOICES = 5;

/**
 * Gives a model something to do, so that there is something to see.
 *
 * @param {string} model
 * @param {AbortSignal} signal
 */
export async function makeLoad(model, signal) {
  const end = performance.now() + DURATION;
  /** @param {string} prompt */
  const write = async prompt => {
    const request = { model, prompt, n: CHOICES, max_tokens: 400, temperature: 1 };
    while (performance.now() < end) await postJson('v1/completions', request, signal);
  };
  await Promise.all(BEGINNINGS.map(write));
}
