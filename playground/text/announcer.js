import { create } from '../dom.js';

/** What ends a sentence, with what follows it. */
const SENTENCE = /^.*?[.!?…]["'”’)]*\s+/s;

/**
 * Reads streamed text to people who listen to the page: sentence by sentence, since a live region that changes with each token stutters.
 */
export class Announcer {
  #region;
  #rest = '';

  /** @param {HTMLElement} region a live region that is not seen. */
  constructor(region) {
    this.#region = region;
  }

  /** @param {string} text */
  add(text) {
    this.#rest += text;
    for (let found = SENTENCE.exec(this.#rest); found !== null; found = SENTENCE.exec(this.#rest)) {
      this.say(found[0]);
      this.#rest = this.#rest.slice(found[0].length);
    }
  }

  /**
   * Says the rest.
   *
   * @param {string} last what to say after it.
   */
  end(last) {
    if (this.#rest.trim() !== '') this.say(this.#rest);
    this.#rest = '';
    this.say(last);
  }

  /** @param {string} text */
  say(text) {
    this.#region.append(create('p', {}, text));
  }

  clear() {
    this.#rest = '';
    this.#region.replaceChildren();
  }
}
