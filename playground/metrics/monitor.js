import { getJson, getText } from '../api/client.js';
import { History } from './history.js';
import { parseMetrics } from './prometheus.js';

/** How much is remembered, in milliseconds. */
const SPAN = 60_000;
/** How often the server is asked, in milliseconds: while somebody looks at the numbers, and otherwise. */
const [OFTEN, SELDOM] = [1000, 3000];

/** @typedef {{ state: 'running' | 'kept' | 'empty', tokens: number }} Slot */
/** @typedef {{ model: string, context_length: number, slots: Slot[] }} ModelSlots */

/** Asks the server how it is doing, again and again, as long as the page can be seen. */
export class Monitor {
  history = new History(SPAN);
  /** @type {readonly ModelSlots[]} */
  slots = [];
  /** Whether the last question was answered. */
  reachable = true;
  /** @type {(() => void)[]} */
  #listeners = [];
  /** @type {number | undefined} */
  #timer;
  #watched = false;
  #asking = false;

  constructor() {
    document.addEventListener('visibilitychange', () => this.#next(0));
  }

  /** @param {() => void} listener called after each answer. */
  onChange(listener) {
    this.#listeners.push(listener);
  }

  start() {
    this.#next(0);
  }

  /** @param {boolean} watched whether somebody looks at the numbers. */
  watch(watched) {
    this.#watched = watched;
    this.#next(0);
  }

  /** @param {number} delay */
  #next(delay) {
    clearTimeout(this.#timer);
    if (!document.hidden) this.#timer = setTimeout(() => void this.#ask(), delay);
  }

  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const [text, slots] = await Promise.all([
        getText('metrics'),
        this.#watched ? getJson('metrics/slots') : undefined,
      ]);
      this.history.add(performance.now(), parseMetrics(text));
      this.slots = slots?.data ?? this.slots;
      this.reachable = true;
    } catch {
      this.reachable = false;
    } finally {
      this.#asking = false;
    }
    for (const listener of this.#listeners) listener();
    this.#next(this.#watched ? OFTEN : SELDOM);
  }
}
