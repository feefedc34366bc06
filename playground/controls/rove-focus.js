/**
 * Makes many elements one stop of the keyboard: Tab goes to one of them, arrow keys from one to the next, Home and End to the first and last.
 *
 * @param {HTMLElement} container
 * @param {string} selector of the elements; each has a `tabindex`, of which one is 0.
 * @param {{ previous: string[], next: string[], columns?: () => number }} keys names of keys; with `columns`, ArrowUp and ArrowDown go by rows.
 */
export function roveFocus(container, selector, { previous, next, columns }) {
  /** @returns {HTMLElement[]} */
  const all = () =>
    [...container.querySelectorAll(selector)].filter(element => element instanceof HTMLElement);

  container.addEventListener('focusin', ({ target }) => {
    if (!(target instanceof HTMLElement) || !target.matches(selector)) return;
    for (const element of container.querySelectorAll(`${selector}[tabindex="0"]`))
      element.setAttribute('tabindex', '-1');
    target.setAttribute('tabindex', '0');
  });

  container.addEventListener('keydown', event => {
    const elements = all();
    const index = elements.findIndex(element => element === event.target);
    if (index < 0) return;
    const to = targetOf(event.key, index, elements.length);
    if (to === undefined) return;
    event.preventDefault();
    elements[to]?.focus();
  });

  /**
   * @param {string} key
   * @param {number} index
   * @param {number} count
   */
  function targetOf(key, index, count) {
    if (previous.includes(key)) return index - 1;
    if (next.includes(key)) return index + 1;
    if (key === 'Home') return 0;
    if (key === 'End') return count - 1;
    if (columns === undefined) return undefined;
    if (key === 'ArrowUp') return index - columns();
    return key === 'ArrowDown' ? index + columns() : undefined;
  }
}
