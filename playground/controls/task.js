import { find } from '../dom.js';
import { hideError, showError } from './notice.js';

/**
 * Runs what a form asks for: its button or Ctrl+Enter starts it, its Stop button or Escape ends it, and what goes wrong is shown in it.
 */
export class Task {
  #form;
  #work;
  #send;
  #stop;
  #notice;
  /** @type {AbortController | undefined} */
  #running;

  /**
   * @param {HTMLFormElement} form with a submit button, `[data-stop]` and `[data-notice]`.
   * @param {(signal: AbortSignal) => Promise<void>} work
   */
  constructor(form, work) {
    this.#form = form;
    this.#work = work;
    this.#send = find(form, 'button[type=submit]', HTMLButtonElement);
    this.#stop = find(form, '[data-stop]', HTMLButtonElement);
    this.#notice = find(form, '[data-notice]', HTMLElement);
    form.addEventListener('submit', event => {
      event.preventDefault();
      void this.run(this.#work);
    });
    form.addEventListener('keydown', event => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      form.requestSubmit();
    });
    this.#stop.addEventListener('click', () => this.stop());
    document.addEventListener('keydown', event => {
      if (event.key === 'Escape') this.stop();
    });
  }

  stop() {
    this.#running?.abort();
  }

  /**
   * Ends what runs, and begins something else.
   *
   * @param {(signal: AbortSignal) => Promise<void>} work
   */
  async run(work) {
    this.stop();
    const controller = new AbortController();
    this.#running = controller;
    hideError(this.#notice);
    this.#show(true);
    try {
      await work(controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) showError(this.#notice, error);
    } finally {
      if (this.#running === controller) {
        this.#running = undefined;
        this.#show(false);
      }
    }
  }

  /** @param {boolean} running */
  #show(running) {
    // A button that vanishes must not take the keyboard's place in the page with it.
    const focused = document.activeElement;
    this.#form.setAttribute('aria-busy', String(running));
    this.#stop.hidden = !running;
    this.#send.hidden = running;
    if (focused === this.#send) this.#stop.focus();
    if (focused === this.#stop) this.#send.focus();
  }
}
