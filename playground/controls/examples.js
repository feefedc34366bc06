import { find } from '../dom.js';

/**
 * Lets buttons fill a form's text with what they have in `data-example`.
 *
 * @param {HTMLElement} form
 */
export function exampleButtons(form) {
  const field = find(form, 'textarea', HTMLTextAreaElement);
  for (const button of form.querySelectorAll('[data-example]'))
    button.addEventListener('click', () => {
      field.value = button.getAttribute('data-example') ?? '';
      field.focus();
    });
}
