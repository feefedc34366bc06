import { postJson } from '../api/client.js';
import { reads } from '../api/models.js';
import { curlButton } from '../controls/curl-button.js';
import { exampleButtons } from '../controls/examples.js';
import { ModelPicker } from '../controls/model-picker.js';
import { Task } from '../controls/task.js';
import { create, find } from '../dom.js';
import { linesOf } from '../text/lines.js';
import { bars } from './bars.js';

const PATH = 'v1/classify';

/** @typedef {import('./bars.js').LabelScore} LabelScore */

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
  const picker = new ModelPicker(
    view,
    model => model.capabilities?.includes('classify') === true && !reads(model, 'image'),
  );
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
