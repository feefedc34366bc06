import { endpoint } from '../api/client.js';
import { curlCommand } from '../api/curl.js';
import { apiKey } from '../api/key.js';
import { find } from '../dom.js';

/** How long a button says that it has copied, in milliseconds. */
const SAID_FOR = 1800;

/**
 * Lets a button copy a form's request as a command. Where the clipboard is closed to the page, the command is shown instead.
 *
 * @param {HTMLElement} form with a `[data-curl]`.
 * @param {string | (() => string)} path of the endpoint.
 * @param {() => object} body
 * @param {typeof curlCommand} write makes the command.
 */
export function curlButton(form, path, body, write = curlCommand) {
  const button = find(form, '[data-curl]', HTMLButtonElement);
  const label = button.textContent;
  button.addEventListener('click', async () => {
    const url = endpoint(typeof path === 'string' ? path : path());
    const command = write(url, body(), { key: apiKey() !== '' });
    try {
      await navigator.clipboard.writeText(command);
    } catch {
      showCommand(command);
      return;
    }
    button.textContent = 'Copied';
    setTimeout(() => (button.textContent = label), SAID_FOR);
  });
}

/** @param {string} command */
function showCommand(command) {
  const dialog = find(document, '#command', HTMLDialogElement);
  const field = find(dialog, 'textarea', HTMLTextAreaElement);
  field.value = command;
  dialog.showModal();
  field.select();
}
