import { KEY_WANTED } from '../api/client.js';
import { apiKey, rememberApiKey } from '../api/key.js';
import { find } from '../dom.js';

/**
 * Asks for an API key when the server wants one.
 *
 * @param {HTMLFormElement} form hidden until then.
 * @param {() => void} onKey called when there is a new one.
 */
export function keyForm(form, onKey) {
  const input = find(form, 'input', HTMLInputElement);
  const message = find(form, '[data-message]', HTMLElement);
  document.addEventListener(KEY_WANTED, () => {
    message.textContent =
      apiKey() === '' ? 'This server wants an API key.' : 'The server does not know this API key.';
    if (!form.hidden) return;
    form.hidden = false;
    input.focus();
  });
  form.addEventListener('submit', event => {
    event.preventDefault();
    rememberApiKey(input.value.trim());
    form.hidden = true;
    onKey();
  });
}
