import { cosineShades } from '../colour.js';
import { roveFocus } from '../controls/rove-focus.js';
import { create, setProperties } from '../dom.js';

/** @typedef {{ readonly text: string, readonly picture?: string }} Head a text, or a picture's name and address. */

/** Numbers with the texts or pictures that they are of, as colours. Its cells can be walked through with the arrow keys. */
export class HeatMap {
  #place;
  #pair;
  /** @type {readonly Head[]} */
  #rows = [];
  /** @type {readonly Head[]} */
  #columns = [];

  /**
   * @param {HTMLElement} place
   * @param {HTMLElement} pair where the two heads of a cell are written.
   */
  constructor(place, pair) {
    this.#place = place;
    this.#pair = pair;
    roveFocus(place, '[data-row]', {
      previous: ['ArrowLeft'],
      next: ['ArrowRight'],
      columns: () => this.#columns.length,
    });
    for (const type of ['pointerover', 'focusin'])
      place.addEventListener(type, ({ target }) => this.#point(target));
    place.addEventListener('pointerleave', () => this.#point(null));
    place.addEventListener('focusout', () => this.#point(null));
  }

  /**
   * @param {readonly Head[]} rows
   * @param {readonly (readonly number[])[]} values
   * @param {{ columns?: readonly Head[], label?: string }} [options] the columns are the rows' own heads where
   * nothing else is said.
   */
  draw(rows, values, { columns = rows, label = 'Cosine similarity of each text with each other' } = {}) {
    this.#rows = rows;
    this.#columns = columns;
    const numbers = columns.map((head, column) =>
      create('th', { scope: 'col', title: head.text }, head.picture ? picture(head) : String(column + 1)),
    );
    const lines = values.map((cells, row) =>
      create(
        'tr',
        {},
        create('th', { scope: 'row' }, create('span', {}, String(row + 1)), named(rows[row] ?? { text: '' })),
        ...cells.map((value, column) => this.#cell(value, row, column)),
      ),
    );
    const corner = create('td', {});
    this.#place.replaceChildren(
      create(
        'table',
        { role: 'grid', class: 'heat-map', 'aria-label': label },
        create('thead', {}, create('tr', {}, corner, ...numbers)),
        create('tbody', {}, ...lines),
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
   * Marks the heads of a cell.
   *
   * @param {EventTarget | null} target
   */
  #point(target) {
    const cell = target instanceof HTMLElement && target.dataset.row !== undefined ? target : undefined;
    const [row, column] = [Number(cell?.dataset.row), Number(cell?.dataset.column)];
    this.#place.querySelectorAll('tbody th').forEach((head, index) => {
      const isColumn = this.#columns === this.#rows && index === column;
      head.classList.toggle('marked', index === row || isColumn);
    });
    this.#place.querySelectorAll('thead th').forEach((head, index) => {
      head.classList.toggle('marked', index === column);
    });
    this.#pair.hidden = cell === undefined;
    if (cell === undefined) return;
    this.#pair.replaceChildren(
      quoted(this.#rows[row]),
      create('strong', {}, cell.textContent ?? ''),
      quoted(this.#columns[column]),
    );
  }
}

/** @param {Head} head of a picture. */
function picture({ text, picture: src = '' }) {
  return create('img', { src, alt: text });
}

/** @param {Head} head */
function named(head) {
  return head.picture ? picture(head) : create('span', { class: 'text' }, head.text);
}

/** @param {Head} [head] */
function quoted(head = { text: '' }) {
  return head.picture ? picture(head) : create('q', {}, head.text);
}
