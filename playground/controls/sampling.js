import { find } from '../dom.js';

/**
 * The fields that steer sampling.
 *
 * @typedef {{ temperature: number, top_p: number, max_tokens: number, seed?: number }} Sampling
 */

/**
 * Puts the fields into a form.
 *
 * @param {HTMLFormElement} form with a place marked `[data-sampling]`.
 * @returns {() => Sampling} reads them.
 */
export function samplingFields(form) {
  const template = find(document, '#sampling', HTMLTemplateElement);
  find(form, '[data-sampling]', HTMLElement).replaceWith(template.content.cloneNode(true));
  /** @param {string} name */
  const input = name => find(form, `[name=${name}]`, HTMLInputElement);
  for (const name of ['temperature', 'top_p']) {
    const range = input(name);
    const output = find(/** @type {Element} */ (range.parentElement), 'output', HTMLOutputElement);
    const show = () => (output.value = Number(range.value).toFixed(2));
    range.addEventListener('input', show);
    show();
  }
  return () => {
    const seed = input('seed').value;
    return {
      temperature: Number(input('temperature').value),
      top_p: Number(input('top_p').value),
      max_tokens: Number(input('max_tokens').value),
      ...(seed !== '' && { seed: Number(seed) }),
    };
  };
}
