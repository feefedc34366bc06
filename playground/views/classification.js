import { postJson } from '../api/client.js';
import { curlButton } from '../controls/curl-button.js';
import { exampleButtons } from '../controls/examples.js';
import { ModelPicker } from '../controls/model-picker.js';
import { Task } from '../controls/task.js';
import { create, find, setProperties } from '../dom.js';
import { linesOf } from '../text/lines.js';
import { percent } from '../text/tokens.js';

const PATH = 'v1/classify';

/** @typedef {{ label: string, score: number }} LabelScore */

/**
 * Shows the labels that a model gives to each line of a text.
 *
 * @param {HTMLElement} view
 */
export function classificationView(view) {
  const form = find(view, 'form', HTMLFormElement);
  const field = find(form, '[name=texts]', HTMLTextAreaElement);
  const results = find(view, '[data-results]', HTMLElement);
  const stats = find(view, '[data-stats]', HTMLElement);
  const picker = new ModelPicker(view, 'classify');
  const body = () => ({ model: picker.model, input: linesOf(field.value) });

  new Task(form, async signal => {
    const started = performance.now();
    const { input } = body();
    const { data, usage } = await postJson(PATH, body(), signal);
    /** @type {{ scores: LabelScore[] }[]} */
    const rows = data;
    results.replaceChildren(
      ...rows.map(({ scores }, index) =>
        create(
          'li',
          {},
          create('p', {}, input[index] ?? ''),
          create('dl', { class: 'bars' }, ...bars(scores)),
        ),
      ),
    );
    stats.textContent = `${input.length} texts, ${usage.prompt_tokens} tokens, ${Math.round(performance.now() - started)} ms`;
  });
  curlButton(form, PATH, body);
  exampleButtons(form);
  return picker;
}

/**
 * Regressions have values that are no shares; their bars are as long as they fit.
 *
 * @param {readonly LabelScore[]} scores the best first.
 */
function bars(scores) {
  const shares = scores.every(({ score }) => score >= 0 && score <= 1);
  return scores.map(({ label, score }, index) => {
    const row = create(
      'div',
      { class: index === 0 ? 'bar best' : 'bar' },
      create('dt', {}, label),
      create('dd', {}, shares ? percent(score) : score.toFixed(3)),
    );
    setProperties(row, { share: shares ? score : Math.min(1, Math.max(0, score)) });
    return row;
  });
}
