import { create } from '../dom.js';

/** @typedef {{ start: number, end: number, text: string }} Segment */

/** A transcript by segments, each with a button that plays it; the one that is heard is marked. */
export class SegmentList {
  #list;
  #player;
  /** @type {{ segment: Segment, item: HTMLElement }[]} */
  #shown = [];

  /**
   * @param {HTMLElement} list
   * @param {HTMLAudioElement} player
   */
  constructor(list, player) {
    this.#list = list;
    this.#player = player;
    player.addEventListener('timeupdate', () => this.#mark());
  }

  clear() {
    this.#shown = [];
    this.#list.replaceChildren();
  }

  /** @param {Segment} segment */
  add(segment) {
    const time = clock(segment.start);
    const button = create('button', { type: 'button', 'aria-label': `Play from ${time}` }, time);
    button.addEventListener('click', () => {
      this.#player.currentTime = segment.start;
      void this.#player.play();
    });
    const item = create('li', {}, button, create('p', {}, segment.text.trim()));
    this.#list.append(item);
    this.#shown.push({ segment, item });
  }

  /**
   * What is said at no known time.
   *
   * @param {string} text
   */
  write(text) {
    this.#list.append(create('li', {}, create('p', {}, text.trim())));
  }

  #mark() {
    const now = this.#player.currentTime;
    for (const { segment, item } of this.#shown) {
      const isHeard = !this.#player.paused && segment.start <= now && now < segment.end;
      if (isHeard) item.setAttribute('aria-current', 'true');
      else item.removeAttribute('aria-current');
    }
  }
}

/**
 * A time as players show it: `1:02:03`, `2:03`.
 *
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}
