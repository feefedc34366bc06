import { quantile, total } from './prometheus.js';

/** @typedef {import('./prometheus.js').Sample} Sample */
/** @typedef {{ readonly time: number, readonly samples: readonly Sample[] }} Moment */

/** Milliseconds over which rates are taken: long enough to be calm, short enough to follow. */
const RATE_WINDOW = 2500;

/** What was measured lately. */
export class History {
  /** @type {Moment[]} */
  #moments = [];
  #span;

  /** @param {number} span milliseconds that are remembered. */
  constructor(span) {
    this.#span = span;
  }

  /**
   * @param {number} time in milliseconds.
   * @param {readonly Sample[]} samples
   */
  add(time, samples) {
    this.#moments.push({ time, samples });
    this.#moments = this.#moments.filter(moment => time - moment.time <= this.#span);
  }

  /**
   * The last value of a gauge, of all models or one.
   *
   * @param {string} name
   * @param {string} [model]
   */
  value(name, model) {
    return total(this.#moments.at(-1)?.samples ?? [], name, model);
  }

  /**
   * How fast a counter grows, per second.
   *
   * @param {string} name
   * @param {string} [model]
   */
  rate(name, model) {
    const last = this.#moments.at(-1);
    const first = last && this.#moments.find(({ time }) => last.time - time <= RATE_WINDOW);
    if (last === undefined || first === undefined || first === last) return 0;
    const growth = total(last.samples, name, model) - total(first.samples, name, model);
    // A server that was started again counts from 0.
    return Math.max(0, growth / ((last.time - first.time) / 1000));
  }

  /**
   * A quantile of what a histogram has counted in all the time that is remembered.
   *
   * @param {string} name
   * @param {number} share
   */
  quantile(name, share) {
    const [first] = this.#moments;
    const last = this.#moments.at(-1);
    if (first === undefined || last === undefined) return undefined;
    return quantile(first.samples, last.samples, name, share);
  }
}
