import { ableModels } from '../api/models.js';
import { create, find } from '../dom.js';

/** @typedef {import('../api/models.js').Model} Model */

/** The models that a view can use. */
export class ModelPicker {
  #view;
  #select;
  #ability;
  /** @type {readonly Model[]} */
  #able = [];

  /**
   * @param {HTMLElement} view with a `select[name=model]`; what is marked `[data-able]` is shown only if there is a model, and `[data-unable]`
   * if there is none.
   * @param {string | ((model: Model) => boolean)} ability a capability, or tells whether a model has it.
   */
  constructor(view, ability) {
    this.#view = view;
    this.#select = find(view, 'select[name=model]', HTMLSelectElement);
    this.#ability = ability;
    this.#select.addEventListener('change', () => this.#note());
  }

  /** The name of the chosen one. */
  get model() {
    return this.#select.value;
  }

  /** What is known of it. */
  get chosen() {
    return this.#able.find(({ id }) => id === this.model);
  }

  /** @param {readonly Model[]} models */
  fill(models) {
    const able = ableModels(models, this.#ability);
    const chosen = this.#select.value;
    this.#select.replaceChildren(
      ...able.map(({ id }) => create('option', { value: id, selected: id === chosen }, id)),
    );
    this.#able = able;
    this.#note();
    for (const element of this.#view.querySelectorAll('[data-able]'))
      element.toggleAttribute('hidden', able.length === 0);
    for (const element of this.#view.querySelectorAll('[data-unable]'))
      element.toggleAttribute('hidden', able.length > 0);
  }

  #note() {
    const note = this.#view.querySelector('[data-model-note]');
    const model = this.chosen;
    if (note === null || model === undefined) return;
    const { max_model_len: length, state } = model;
    if (length !== undefined) note.textContent = `up to ${length} tokens`;
    else note.textContent = state === 'loaded' ? '' : 'loads when it is asked';
    note.toggleAttribute('hidden', note.textContent === '');
  }
}
