import { postForEvents } from '../api/client.js';
import { curlButton } from '../controls/curl-button.js';
import { exampleButtons } from '../controls/examples.js';
import { ModelPicker } from '../controls/model-picker.js';
import { samplingFields } from '../controls/sampling.js';
import { Task } from '../controls/task.js';
import { find } from '../dom.js';
import { Announcer } from '../text/announcer.js';
import { Ending } from '../text/ending.js';
import { TokenText } from '../text/token-text.js';
import { completionTokens } from '../text/tokens.js';

const PATH = 'v1/completions';

/** How many of the most probable tokens to ask for; the API gives no more. */
const ALTERNATIVES = 5;

/**
 * Continues a text, and shows how sure the model was of each token.
 *
 * @param {HTMLElement} view
 */
export function completionView(view) {
  const form = find(view, 'form', HTMLFormElement);
  const prompt = find(form, '[name=prompt]', HTMLTextAreaElement);
  const given = find(view, '[data-prompt]', HTMLElement);
  const stats = find(view, '[data-stats]', HTMLElement);
  const paper = find(view, '.paper', HTMLElement);
  const announcer = new Announcer(find(view, '[data-announcer]', HTMLElement));
  const output = new TokenText(find(view, '[data-output]', HTMLElement), branch);
  const picker = new ModelPicker(view, 'completions');
  const sampling = samplingFields(form);
  const task = new Task(form, async signal => {
    output.clear();
    given.textContent = prompt.value;
    await goOn(signal);
  });

  const body = (text = prompt.value) => ({
    model: picker.model,
    prompt: text,
    ...sampling(),
    stream: true,
    stream_options: { include_usage: true },
    logprobs: ALTERNATIVES,
  });
  curlButton(form, PATH, body);
  exampleButtons(form);

  /**
   * Generates from where the output ends.
   *
   * @param {AbortSignal} signal
   */
  async function goOn(signal) {
    const ending = new Ending();
    announcer.clear();
    announcer.say('Generating.');
    stats.textContent = '';
    paper.classList.add('written', 'busy');
    let characters = 0;
    try {
      for await (const chunk of postForEvents(PATH, body(given.textContent + output.text), signal)) {
        ending.read(chunk);
        const [choice] = chunk.choices;
        if (choice === undefined || choice.logprobs === null) continue;
        const tokens = completionTokens(choice.logprobs, choice.text, characters);
        characters += [...choice.text].length;
        ending.add(tokens.length);
        output.add(tokens);
        announcer.add(choice.text);
      }
    } finally {
      paper.classList.remove('busy');
      stats.textContent = ending.toString();
      announcer.end(stats.textContent);
    }
  }

  /**
   * The text, not the ids, goes back to the server: it may cut it into other tokens than the model had chosen.
   *
   * @param {number} index
   * @param {import('../text/tokens.js').Alternative} alternative
   */
  function branch(index, alternative) {
    const token = output.tokens[index];
    if (token === undefined) return;
    void task.run(async signal => {
      output.truncate(index);
      output.add([{ ...token, ...alternative, text: alternative.name }]);
      await goOn(signal);
    });
  }

  return picker;
}
