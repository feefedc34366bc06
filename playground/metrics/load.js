import { postJson } from '../api/client.js';

/** For how long, in milliseconds. */
const DURATION = 15_000;

const BEGINNINGS = ['Once upon a time', 'One day, a fox', 'In a small village', 'The little boat'];
/** Choices of each: with four beginnings, more texts than there are slots by default. */
const CHOICES = 5;

/**
 * Gives a model something to do, so that there is something to see. All in one request: browsers open no more than six connections.
 *
 * @param {string} model
 * @param {AbortSignal} signal
 */
export async function makeLoad(model, signal) {
  const end = performance.now() + DURATION;
  const request = { model, prompt: BEGINNINGS, n: CHOICES, max_tokens: 400, temperature: 1 };
  while (performance.now() < end) await postJson('v1/completions', request, signal);
}
