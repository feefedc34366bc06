import { postJson } from '../api/client.js';
import { reads } from '../api/models.js';
import { curlButton } from '../controls/curl-button.js';
import { exampleButtons } from '../controls/examples.js';
import { ModelPicker } from '../controls/model-picker.js';
import { Task } from '../controls/task.js';
import { find } from '../dom.js';
import { linesOf } from '../text/lines.js';
import { cosines } from '../text/similarity.js';
import { HeatMap } from './heat-map.js';

const PATH = 'v1/embeddings';

/**
 * Shows how alike the lines of a text are.
 *
 * @param {HTMLElement} view
 */
export function embeddingsView(view) {
  const form = find(view, 'form', HTMLFormElement);
  const field = find(form, '[name=texts]', HTMLTextAreaElement);
  const map = new HeatMap(find(view, '[data-map]', HTMLElement), find(view, '[data-pair]', HTMLElement));
  const stats = find(view, '[data-stats]', HTMLElement);
  const picker = new ModelPicker(
    view,
    model => model.capabilities?.includes('embeddings') === true && reads(model, 'text'),
  );
  const body = () => ({ model: picker.model, input: linesOf(field.value) });

  new Task(form, async signal => {
    const started = performance.now();
    const { input } = body();
    const { data, usage } = await postJson(PATH, body(), signal);
    /** @type {number[][]} */
    const vectors = data.map((/** @type {{ embedding: number[] }} */ { embedding }) => embedding);
    map.draw(
      input.map(text => ({ text })),
      cosines(vectors),
    );
    stats.textContent = `${input.length} texts, ${usage.prompt_tokens} tokens, ${vectors[0]?.length} dimensions, ${Math.round(performance.now() - started)} ms`;
  });
  curlButton(form, PATH, body);
  exampleButtons(form);
  return picker;
}
