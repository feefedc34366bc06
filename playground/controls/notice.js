import { ServerError } from '../api/client.js';
import { create } from '../dom.js';

/** What can be done about an error, by its code. */
const ADVICE = /** @type {Readonly<Record<string, string>>} */ ({
  invalid_api_key: 'Enter a key at the top of the page and send it again.',
  context_length_exceeded: 'Shorten the text, or ask for fewer tokens.',
  queue_full: 'All slots are taken and the waiting line is full: try again in a moment.',
  rate_limit_exceeded: 'Wait a little, then send it again.',
  model_not_found: 'Choose another model.',
  shutting_down: 'Wait until the server is back.',
  deadline_exceeded: 'Ask for fewer tokens, or try when fewer requests are running.',
});

/**
 * Shows what went wrong, and what can be done about it.
 *
 * @param {HTMLElement} notice with the role `alert`.
 * @param {unknown} error
 */
export function showError(notice, error) {
  const { title, message, advice } = explain(error);
  notice.replaceChildren(
    create('strong', {}, title),
    create('p', {}, message),
    ...(advice === '' ? [] : [create('p', { class: 'advice' }, advice)]),
  );
  notice.hidden = false;
}

/** @param {HTMLElement} notice */
export function hideError(notice) {
  notice.hidden = true;
  notice.replaceChildren();
}

/** @param {unknown} error */
function explain(error) {
  if (error instanceof ServerError) {
    const { status, message, code } = error;
    const title = status === 0 ? 'The answer broke off' : `The server refused this (${status})`;
    const advice = message.includes('no chat template')
      ? 'It can complete texts all the same: use the Completion view.'
      : (ADVICE[code] ?? '');
    return { title, message: `${sentence(message)}`, advice };
  }
  if (error instanceof TypeError)
    return {
      title: 'The server does not answer',
      message: sentence(error.message),
      advice: 'Is it running?',
    };
  return { title: 'Something went wrong', message: String(error), advice: '' };
}

/** @param {string} message */
function sentence(message) {
  return message.charAt(0).toUpperCase() + message.slice(1) + (/[.!?]$/.test(message) ? '' : '.');
}
