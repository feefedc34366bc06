import { create, find } from '../dom.js';

/** @typedef {{ readonly name: string, readonly url: string }} Picture its file as a `data:` URL. */

/** Pictures that were chosen, dropped, pasted or drawn, each with a button that takes it away. */
export class PictureList {
  #form;
  #list;
  #changed;
  /** @type {Picture[]} */
  #pictures = [];

  /**
   * @param {HTMLFormElement} form with `[data-drop]`, an `input[type=file]` in it, and `[data-pictures]`.
   * @param {() => void} changed
   */
  constructor(form, changed) {
    this.#form = form;
    this.#list = find(form, '[data-pictures]', HTMLElement);
    this.#changed = changed;
    const drop = find(form, '[data-drop]', HTMLElement);
    const input = find(drop, 'input[type=file]', HTMLInputElement);
    input.addEventListener('change', () => {
      const files = [...(input.files ?? [])];
      // So that the same file can be chosen again.
      input.value = '';
      void this.addFiles(files);
    });
    for (const type of ['dragover', 'dragleave', 'drop'])
      drop.addEventListener(type, event => {
        event.preventDefault();
        drop.toggleAttribute('data-over', type === 'dragover');
      });
    drop.addEventListener('drop', ({ dataTransfer }) => void this.addFiles([...(dataTransfer?.files ?? [])]));
    document.addEventListener('paste', ({ clipboardData }) => {
      const files = [...(clipboardData?.files ?? [])];
      if (files.length > 0 && form.checkVisibility()) void this.addFiles(files);
    });
  }

  /** @returns {readonly Picture[]} */
  get pictures() {
    return this.#pictures;
  }

  /** @param {readonly File[]} files others than pictures are left to the server, which says what they are. */
  async addFiles(files) {
    const added = await Promise.all(files.map(async file => ({ name: file.name, url: await dataUrl(file) })));
    this.add(...added);
  }

  /** @param {...Picture} pictures */
  add(...pictures) {
    this.#pictures = [...this.#pictures, ...pictures];
    this.#draw();
  }

  #draw() {
    this.#list.replaceChildren(...this.#pictures.map(picture => this.#item(picture)));
    this.#list.hidden = this.#pictures.length === 0;
    this.#changed();
  }

  /** @param {Picture} picture */
  #item(picture) {
    const remove = create(
      'button',
      { type: 'button', 'aria-label': `Take ${picture.name} away`, title: 'Take it away' },
      '×',
    );
    remove.addEventListener('click', () => {
      const index = this.#pictures.indexOf(picture);
      this.#pictures = this.#pictures.filter(other => other !== picture);
      this.#draw();
      // The keyboard goes on where the picture was.
      const buttons = [...this.#list.querySelectorAll('button')];
      const next = buttons[Math.min(index, buttons.length - 1)];
      (next ?? find(this.#form, '[data-drop] input', HTMLInputElement)).focus();
    });
    return create(
      'li',
      {},
      create('img', { src: picture.url, alt: picture.name, title: picture.name }),
      remove,
    );
  }
}

/**
 * @param {File} file
 * @returns {Promise<string>}
 */
function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(String(reader.result)));
    reader.addEventListener('error', () => reject(reader.error));
    // Without a type the server looks at the bytes, which it does anyway.
    reader.readAsDataURL(file.type.startsWith('image/') ? file : new Blob([file], { type: '' }));
  });
}
