import { probabilityShades } from '../colour.js';
import { roveFocus } from '../controls/rove-focus.js';
import { create, setProperties } from '../dom.js';
import { alternatives } from './alternatives.js';
import { percent, visible } from './tokens.js';

/** @typedef {import('./tokens.js').Token} Token */

/**
 * Text whose tokens are coloured by their probability, and can be walked through with the pointer or the arrow keys. For the keyboard, all
 * tokens together are one stop.
 */
export class TokenText {
  /** @type {Token[]} */
  #tokens = [];
  /** @type {HTMLElement[]} */
  #pieces = [];
  #container;
  #branch;

  /**
   * @param {HTMLElement} container
   * @param {(index: number, alternative: import('./tokens.js').Alternative) => void} [branch] goes on with another token in the place of one.
   */
  constructor(container, branch) {
    this.#container = container;
    this.#branch = branch;
    container.classList.add('tokens');
    roveFocus(container, '.token', { previous: ['ArrowLeft'], next: ['ArrowRight'] });
    container.addEventListener('pointerover', ({ target }) => this.#show(target));
    container.addEventListener('pointerout', () => alternatives.closeSoon());
    container.addEventListener('focusin', ({ target }) => this.#show(target));
    container.addEventListener('focusout', () => alternatives.closeSoon());
    container.addEventListener('keydown', event => {
      if (!['Enter', ' ', 'ArrowDown'].includes(event.key)) return;
      event.preventDefault();
      alternatives.enter();
    });
  }

  /** All that the tokens add up to. */
  get text() {
    return this.#tokens.map(({ text }) => text).join('');
  }

  /** @returns {readonly Token[]} */
  get tokens() {
    return this.#tokens;
  }

  /** @param {readonly Token[]} tokens */
  add(tokens) {
    const pieces = tokens.map(token => draw(token));
    if (this.#tokens.length === 0) pieces[0]?.lastElementChild?.setAttribute('tabindex', '0');
    this.#tokens.push(...tokens);
    this.#pieces.push(...pieces);
    this.#container.append(...pieces);
  }

  clear() {
    alternatives.close();
    this.#tokens = [];
    this.#pieces = [];
    this.#container.replaceChildren();
  }

  /**
   * Drops a token and all after it.
   *
   * @param {number} index
   */
  truncate(index) {
    this.#tokens.length = index;
    for (const piece of this.#pieces.splice(index)) piece.remove();
  }

  /** @param {EventTarget | null} target */
  #show(target) {
    if (!(target instanceof HTMLElement) || !target.matches('.token')) return;
    const index = this.#pieces.findIndex(piece => piece === target.parentElement);
    const [token, branch] = [this.#tokens[index], this.#branch];
    if (token === undefined) return;
    alternatives.open(target, token, branch && (alternative => branch(index, alternative)));
  }
}

/**
 * Spaces before a word are part of its token, but look better without its colour, above all where a line ends.
 *
 * @param {Token} token
 */
function draw({ text, name, probability }) {
  const [spaces] = /^ +(?=\S)/.exec(text) ?? [''];
  const element = create(
    'span',
    {
      class: text === '' ? 'token nameless' : 'token',
      role: 'button',
      tabindex: -1,
      'aria-label': `${visible(name)}, ${percent(probability)}`,
    },
    text === '' ? visible(name) : text.slice(spaces.length),
  );
  setProperties(element, probabilityShades(probability));
  return create('span', {}, spaces, element);
}
