import { postJson } from '../api/client.js';
import { curlPicturesCommand } from '../api/curl-pictures.js';
import { reads } from '../api/models.js';
import { curlButton } from '../controls/curl-button.js';
import { drawingPad } from '../controls/drawing-pad.js';
import { ModelPicker } from '../controls/model-picker.js';
import { PictureList } from '../controls/picture-list.js';
import { Task } from '../controls/task.js';
import { create, find } from '../dom.js';
import { linesOf } from '../text/lines.js';
import { cosines } from '../text/similarity.js';
import { bars } from './bars.js';
import { HeatMap } from './heat-map.js';

/** @typedef {import('../controls/picture-list.js').Picture} Picture */
/** @typedef {import('./bars.js').LabelScore} LabelScore */

/**
 * Shows what a model sees in pictures: the labels of each as bars, and how well they go with texts, or with
 * each other, as a heat map.
 *
 * @param {HTMLElement} view
 */
export function picturesView(view) {
  const form = find(view, 'form', HTMLFormElement);
  const field = find(form, '[name=texts]', HTMLTextAreaElement);
  const results = find(view, '[data-results]', HTMLElement);
  const place = find(view, '[data-map]', HTMLElement);
  const legend = find(view, '[data-legend]', HTMLElement);
  const stats = find(view, '[data-stats]', HTMLElement);
  const map = new HeatMap(place, find(view, '[data-pair]', HTMLElement));
  const picker = new ModelPicker(view, model => reads(model, 'image'));
  const list = new PictureList(form, () => undefined);
  drawingPad(find(form, '[data-pad]', HTMLElement), picture => list.add(picture));

  const does = () => {
    const { capabilities = [] } = picker.chosen ?? {};
    const [embeds, classifies] = ['embeddings', 'classify'].map(name => capabilities.includes(name));
    return { embeds, classifies, matches: embeds && classifies };
  };
  /** Only two towers read texts beside pictures. */
  const fit = () => {
    for (const element of form.querySelectorAll('[data-matches]'))
      element.toggleAttribute('hidden', !does().matches);
    legend.hidden = !does().embeds;
  };
  find(form, 'select[name=model]', HTMLSelectElement).addEventListener('change', fit);

  /** What is asked beside the pictures. */
  const question = () => ({
    model: picker.model,
    ...(does().matches && { candidate_labels: linesOf(field.value) }),
  });
  const path = () => (does().classifies ? 'v1/classify' : 'v1/embeddings');

  new Task(form, async signal => {
    const { pictures } = list;
    if (pictures.length === 0) throw new Error('Choose a picture first, or draw one.');
    const texts = does().matches ? linesOf(field.value) : [];
    if (does().matches && texts.length === 0) throw new Error('Write a text first.');
    const started = performance.now();
    const asked = { classes: does().classifies, grid: does().embeds };
    const [classes, grid] = await Promise.all([
      asked.classes
        ? postJson('v1/classify', { ...question(), input: imagesOf(pictures) }, signal)
        : undefined,
      asked.grid ? postJson('v1/embeddings', embeddingsOf(texts, pictures), signal) : undefined,
    ]);
    showClasses(results, pictures, classes?.data ?? []);
    place.hidden = grid === undefined;
    if (grid !== undefined) showGrid(texts, pictures, grid.data);
    const tokens = (grid ?? classes).usage.prompt_tokens;
    const counts = [
      `${pictures.length} ${pictures.length === 1 ? 'picture' : 'pictures'}`,
      ...(texts.length > 0 ? [`${texts.length} texts`] : []),
      `${tokens} tokens`,
      `${Math.round(performance.now() - started)} ms`,
    ];
    stats.textContent = counts.join(', ');
  });
  curlButton(
    form,
    path,
    () => ({ ...question(), files: list.pictures.map(({ name }) => name) }),
    curlPicturesCommand,
  );
  return {
    /** @param {readonly import('../api/models.js').Model[]} models */
    fill(models) {
      picker.fill(models);
      fit();
    },
  };

  /**
   * @param {readonly string[]} texts
   * @param {readonly Picture[]} pictures
   */
  function embeddingsOf(texts, pictures) {
    return { model: picker.model, input: [...texts, ...imagesOf(pictures)] };
  }

  /**
   * Texts against pictures; without texts the pictures against each other.
   *
   * @param {readonly string[]} texts
   * @param {readonly Picture[]} pictures
   * @param {readonly { embedding: number[] }[]} data
   */
  function showGrid(texts, pictures, data) {
    const all = cosines(data.map(({ embedding }) => embedding));
    const heads = pictures.map(({ name, url }) => ({ text: name, picture: url }));
    const rows = texts.length > 0 ? texts.map(text => ({ text })) : heads;
    map.draw(
      rows,
      all.slice(0, rows.length).map(row => row.slice(texts.length)),
      {
        columns: heads,
        label: `Cosine similarity of ${texts.length > 0 ? 'texts' : 'pictures'} and pictures`,
      },
    );
  }
}

/** @param {readonly Picture[]} pictures */
function imagesOf(pictures) {
  return pictures.map(({ url }) => ({ image: url }));
}

/**
 * @param {HTMLElement} results
 * @param {readonly Picture[]} pictures
 * @param {readonly { scores: LabelScore[] }[]} rows
 */
function showClasses(results, pictures, rows) {
  results.replaceChildren(
    ...rows.map(({ scores }, index) => {
      const { name = '', url = '' } = pictures[index] ?? {};
      return create(
        'li',
        { class: 'seen' },
        create('img', { src: url, alt: name }),
        create('dl', { class: 'bars' }, ...bars(scores.slice(0, MOST_BARS))),
      );
    }),
  );
}

/** Labels that are shown of each picture: some models have a thousand. */
const MOST_BARS = 10;
