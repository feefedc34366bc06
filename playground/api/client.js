import { eventData } from './events.js';
import { apiKey } from './key.js';

/** Sent to the document when the server has refused a request for want of a key. */
export const KEY_WANTED = 'kvasir-key-wanted';

/** What a server answers where it does not do what was asked. */
export class ServerError extends Error {
  /**
   * @param {{ message: string, code?: string | null }} error
   * @param {number} status of HTTP; 0 within a stream.
   */
  constructor(error, status) {
    super(error.message);
    this.code = error.code ?? '';
    this.status = status;
  }
}

/**
 * The absolute address of an endpoint. The page may stand below a proxy's path, so it is seen from the page.
 *
 * @param {string} path such as `v1/models`.
 */
export function endpoint(path) {
  return new URL(path, document.baseURI).href;
}

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function getJson(path, signal) {
  return (await send(path, { signal: signal ?? null })).json();
}

/**
 * @param {string} path
 * @returns {Promise<string>}
 */
export async function getText(path) {
  return (await send(path, {})).text();
}

/**
 * @param {string} path
 * @param {object} body
 * @param {AbortSignal} signal
 * @returns {Promise<any>}
 */
export async function postJson(path, body, signal) {
  return (await post(path, body, signal)).json();
}

/**
 * The events of an answer that is streamed.
 *
 * @param {string} path
 * @param {object} body with `stream`.
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<any>}
 */
export async function* postForEvents(path, body, signal) {
  yield* events(await post(path, body, signal));
}

/**
 * The events of an answer to a form.
 *
 * @param {string} path
 * @param {FormData} form with `stream`.
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<any>}
 */
export async function* postFormForEvents(path, form, signal) {
  yield* events(await send(path, { method: 'POST', body: form, signal }));
}

/**
 * @param {Response} response
 * @returns {AsyncGenerator<any>}
 */
async function* events(response) {
  if (response.body === null) return;
  for await (const data of eventData(pieces(response.body))) {
    if (data === '[DONE]') return;
    const event = JSON.parse(data);
    if (event.error) throw new ServerError(event.error, 0);
    yield event;
  }
}

/**
 * @param {string} path
 * @param {object} body
 * @param {AbortSignal} signal
 */
function post(path, body, signal) {
  return send(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
}

/**
 * @param {string} path
 * @param {RequestInit} init
 * @throws {ServerError}
 */
async function send(path, init) {
  const headers = new Headers(init.headers);
  const key = apiKey();
  if (key !== '') headers.set('authorization', `Bearer ${key}`);
  const response = await fetch(endpoint(path), { ...init, headers, cache: 'no-store' });
  if (response.ok) return response;
  if (response.status === 401) document.dispatchEvent(new Event(KEY_WANTED));
  throw new ServerError(await errorOf(response), response.status);
}

/** @param {Response} response */
async function errorOf(response) {
  try {
    const { error } = await response.json();
    if (typeof error?.message === 'string') return error;
  } catch {
    // Something between here and the server has answered, in its own words.
  }
  return { message: `the answer was ${response.status} ${response.statusText}` };
}

/**
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @returns {AsyncGenerator<string>}
 */
async function* pieces(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
  } finally {
    await reader.cancel();
  }
}
