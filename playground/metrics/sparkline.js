const NAMESPACE = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT] = [100, 28];

/** @typedef {{ time: number, value: number }} Point */

/** A small line of a number's last values. It is a picture beside the number, so it says nothing to those who do not see it. */
export class Sparkline {
  /** @type {Point[]} */
  #points = [];
  #line = document.createElementNS(NAMESPACE, 'path');
  #area = document.createElementNS(NAMESPACE, 'path');
  #span;

  /**
   * @param {HTMLElement} place
   * @param {number} span milliseconds from its left to its right.
   */
  constructor(place, span) {
    this.#span = span;
    const svg = document.createElementNS(NAMESPACE, 'svg');
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    this.#line.classList.add('line');
    this.#area.classList.add('area');
    svg.append(this.#area, this.#line);
    place.append(svg);
  }

  /**
   * @param {number} now in milliseconds.
   * @param {number} value at least 0.
   */
  add(now, value) {
    this.#points = [...this.#points, { time: now, value }].filter(({ time }) => now - time <= this.#span);
    const top = Math.max(...this.#points.map(point => point.value)) || 1;
    const x = (/** @type {Point} */ { time }) => (WIDTH * (1 - (now - time) / this.#span)).toFixed(1);
    const y = (/** @type {Point} */ point) => (HEIGHT - 1 - (point.value / top) * (HEIGHT - 3)).toFixed(1);
    const points = this.#points.map(point => `${x(point)} ${y(point)}`).join('L');
    const [first = { time: now, value }] = this.#points;
    this.#line.setAttribute('d', `M${points}`);
    this.#area.setAttribute('d', `M${x(first)} ${HEIGHT}L${points}L${WIDTH} ${HEIGHT}Z`);
  }
}
