import { create, find, setProperties } from '../dom.js';
import { percent, visible } from './tokens.js';

/** @typedef {import('./tokens.js').Token} Token */
/** @typedef {(alternative: import('./tokens.js').Alternative) => void} Choose */

/** Room between the panel and its token, and the edges of the window, in CSS pixels. */
const GAP = 8;

/**
 * The panel that shows what else could have come in a token's place. There is one for the whole page. It opens beside the token that the
 * pointer or the keyboard is on; its alternatives can be chosen.
 */
class AlternativesPanel {
  #element = find(document, '#alternatives', HTMLElement);
  #list = find(document, '#alternatives ol', HTMLElement);
  #probability = find(document, '#alternatives output', HTMLElement);
  /** @type {HTMLElement | undefined} */
  #anchor;
  /** @type {Token | undefined} */
  #token;
  /** @type {Choose | undefined} */
  #choose;
  /** @type {number | undefined} */
  #closing;

  constructor() {
    this.#element.addEventListener('pointerenter', () => this.#stay());
    this.#element.addEventListener('pointerleave', () => this.closeSoon());
    this.#element.addEventListener('click', event => this.#onClick(event));
    this.#element.addEventListener('keydown', event => this.#onKey(event));
    this.#element.addEventListener('focusout', event => {
      const to = event.relatedTarget;
      if (to !== this.#anchor && !(to instanceof Node && this.#element.contains(to))) this.close();
    });
    document.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') this.close();
    });
    for (const name of ['scroll', 'resize']) addEventListener(name, () => this.close(), { passive: true });
  }

  /**
   * @param {HTMLElement} anchor the token's element.
   * @param {Token} token
   * @param {Choose | undefined} choose what to do with an alternative; undefined: they are only shown.
   */
  open(anchor, token, choose) {
    this.#stay();
    this.#anchor?.removeAttribute('aria-describedby');
    this.#anchor = anchor;
    this.#token = token;
    this.#choose = choose;
    const top = token.alternatives[0]?.probability ?? 1;
    this.#probability.textContent = percent(token.probability);
    this.#list.replaceChildren(
      ...token.alternatives.map(({ name, probability }) => {
        const own = name === token.name;
        const row = create(
          'button',
          { type: 'button', 'data-name': name, 'aria-current': own, disabled: own || choose === undefined },
          create('span', { class: 'bar', 'aria-hidden': 'true' }),
          create('code', {}, visible(name)),
          create('span', { class: 'number' }, percent(probability)),
        );
        setProperties(row, { share: probability / top });
        return create('li', {}, row);
      }),
    );
    this.#element.toggleAttribute('data-choosable', choose !== undefined);
    anchor.setAttribute('aria-describedby', this.#element.id);
    this.#element.showPopover();
    this.#place(anchor);
  }

  /** Moves the keyboard into the panel. */
  enter() {
    this.#buttons()[0]?.focus();
  }

  close() {
    this.#stay();
    this.#anchor?.removeAttribute('aria-describedby');
    this.#anchor = undefined;
    this.#element.hidePopover();
  }

  /** Leaves time for the pointer to get from the token to the panel. */
  closeSoon() {
    this.#stay();
    this.#closing = setTimeout(() => {
      const active = document.activeElement;
      if (active === this.#anchor || this.#element.contains(active)) return;
      this.close();
    }, 200);
  }

  #stay() {
    clearTimeout(this.#closing);
  }

  #buttons() {
    return [...this.#list.querySelectorAll('button')].filter(({ disabled }) => !disabled);
  }

  /** @param {HTMLElement} anchor */
  #place(anchor) {
    const token = anchor.getClientRects()[0] ?? anchor.getBoundingClientRect();
    const { width, height } = this.#element.getBoundingClientRect();
    const below = token.bottom + GAP;
    const fits = below + height <= innerHeight - GAP;
    setProperties(this.#element, {
      left: `${Math.max(GAP, Math.min(token.left, innerWidth - width - GAP))}px`,
      top: `${fits ? below : Math.max(GAP, token.top - height - GAP)}px`,
    });
  }

  /** @param {Event} event */
  #onClick({ target }) {
    const button = target instanceof Element ? target.closest('button') : null;
    const alternative = this.#token?.alternatives.find(({ name }) => name === button?.dataset.name);
    const choose = this.#choose;
    if (alternative === undefined || choose === undefined) return;
    this.close();
    choose(alternative);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const buttons = this.#buttons();
    const index = buttons.findIndex(button => button === document.activeElement);
    if (event.key === 'ArrowDown') buttons[(index + 1) % buttons.length]?.focus();
    else if (event.key === 'ArrowUp' && index > 0) buttons[index - 1]?.focus();
    else if (event.key === 'ArrowUp' || event.key === 'Escape') this.#anchor?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

export const alternatives = new AlternativesPanel();
