import { cosineShades } from '../colour.js';
import { roveFocus } from '../controls/rove-focus.js';
import { create, setProperties } from '../dom.js';

/** A square of numbers with their texts, as colours. Its cells can be walked through with the arrow keys. */
export class HeatMap {
  #place;
  #pair;
  /** @type {string[]} */
  #texts = [];

  /**
   * @param {HTMLElement} place
   * @param {HTMLElement} pair where the two texts of a cell are written.
   */
  constructor(place, pair) {
    this.#place = place;
    this.#pair = pair;
    roveFocus(place, '[data-row]', {
      previous: ['ArrowLeft'],
      next: ['ArrowRight'],
      columns: () => this.#texts.length,
    });
    for (const type of ['pointerover', 'focusin'])
      place.addEventListener(type, ({ target }) => this.#point(target));
    place.addEventListener('pointerleave', () => this.#point(null));
    place.addEventListener('focusout', () => this.#point(null));
  }

  /**
   * @param {string[]} texts
   * @param {readonly (readonly number[])[]} values
   */
  draw(texts, values) {
    this.#texts = texts;
    const numbers = texts.map((text, column) =>
      create('th', { scope: 'col', title: text }, String(column + 1)),
    );
    const rows = values.map((cells, row) =>
      create(
        'tr',
        {},
        create(
          'th',
          { scope: 'row' },
          create('span', {}, String(row + 1)),
          create('span', { class: 'text' }, texts[row] ?? ''),
        ),
        ...cells.map((value, column) => this.#cell(value, row, column)),
      ),
    );
    const corner = create('td', {});
    this.#place.replaceChildren(
      create(
        'table',
        { role: 'grid', class: 'heat-map', 'aria-label': 'Cosine similarity of each text with each other' },
        create('thead', {}, create('tr', {}, corner, ...numbers)),
        create('tbody', {}, ...rows),
      ),
    );
    this.#point(null);
  }

  /**
   * @param {number} value
   * @param {number} row
   * @param {number} column
   */
  #cell(value, row, column) {
    const cell = create(
      'td',
      {
        role: 'gridcell',
        tabindex: row + column === 0 ? 0 : -1,
        'data-row': row,
        'data-column': column,
      },
      value.toFixed(2).replace('-', '−'),
    );
    setProperties(cell, cosineShades(value));
    return cell;
  }

  /**
   * Marks the texts of a cell.
   *
   * @param {EventTarget | null} target
   */
  #point(target) {
    const cell = target instanceof HTMLElement && target.dataset.row !== undefined ? target : undefined;
    const [row, column] = [Number(cell?.dataset.row), Number(cell?.dataset.column)];
    this.#place.querySelectorAll('tbody th').forEach((head, index) => {
      head.classList.toggle('marked', index === row || index === column);
    });
    this.#place.querySelectorAll('thead th').forEach((head, index) => {
      head.classList.toggle('marked', index === column);
    });
    this.#pair.hidden = cell === undefined;
    if (cell === undefined) return;
    this.#pair.replaceChildren(
      create('q', {}, this.#texts[row] ?? ''),
      create('strong', {}, cell.textContent ?? ''),
      create('q', {}, this.#texts[column] ?? ''),
    );
  }
}
