import { create, setProperties } from '../dom.js';

/** @typedef {import('./monitor.js').ModelSlots} ModelSlots */

/** The KV cache of one model: each slot is a column that is filled as far as there are tokens in it. */
export class SlotPicture {
  element = create('figure', { class: 'slots' });
  #caption = create('figcaption', {});
  #columns = create('div', { class: 'columns', role: 'img' });

  /** @param {ModelSlots} first */
  constructor(first) {
    this.element.append(this.#caption, this.#columns);
    this.#columns.append(...first.slots.map(() => create('div', { class: 'slot' }, create('span', {}))));
    this.draw(first);
  }

  /** @param {ModelSlots} now */
  draw({ model, context_length: length, slots }) {
    const count = (/** @type {string} */ state) => slots.filter(slot => slot.state === state).length;
    const summary = `${count('running')} running, ${count('kept')} kept for reuse, ${count('empty')} empty`;
    this.#caption.replaceChildren(
      create('strong', {}, model),
      ` ${slots.length} slots of ${length} tokens: ${summary}`,
    );
    this.#columns.setAttribute('aria-label', `Slots of ${model}: ${summary}`);
    slots.forEach(({ state, tokens }, index) => {
      const column = this.#columns.children[index];
      if (!(column instanceof HTMLElement)) return;
      column.dataset.state = state;
      column.title = `slot ${index}: ${state}, ${tokens} of ${length} tokens`;
      setProperties(column, { share: tokens / length });
    });
  }
}
