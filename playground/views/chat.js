import { postForEvents } from '../api/client.js';
import { curlButton } from '../controls/curl-button.js';
import { ModelPicker } from '../controls/model-picker.js';
import { samplingFields } from '../controls/sampling.js';
import { Task } from '../controls/task.js';
import { create, find } from '../dom.js';
import { Announcer } from '../text/announcer.js';
import { Ending } from '../text/ending.js';
import { TokenText } from '../text/token-text.js';
import { ChatTokenReader } from '../text/tokens.js';

const PATH = 'v1/chat/completions';
const ALTERNATIVES = 5;

/** @typedef {{ role: 'user' | 'assistant', content: string }} Message */

/**
 * A conversation with a model.
 *
 * @param {HTMLElement} view
 */
export function chatView(view) {
  const form = find(view, 'form', HTMLFormElement);
  const system = find(form, '[name=system]', HTMLTextAreaElement);
  const field = find(form, '[name=message]', HTMLTextAreaElement);
  const log = find(view, '[data-log]', HTMLElement);
  const announcer = new Announcer(find(view, '[data-announcer]', HTMLElement));
  const picker = new ModelPicker(view, 'chat/completions');
  const sampling = samplingFields(form);
  /** @type {Message[]} */
  const messages = [];

  const body = (/** @type {readonly Message[]} */ said) => ({
    model: picker.model,
    messages: [...(system.value === '' ? [] : [{ role: 'system', content: system.value }]), ...said],
    ...sampling(),
    stream: true,
    stream_options: { include_usage: true },
    logprobs: true,
    top_logprobs: ALTERNATIVES,
  });
  /** @returns {Message[]} */
  const next = () => [
    ...messages,
    ...(field.value === '' ? [] : [{ role: /** @type {const} */ ('user'), content: field.value }]),
  ];
  curlButton(form, PATH, () => body(next()));

  const task = new Task(form, async signal => {
    const question = field.value.trim();
    if (question === '') return;
    const asked = create(
      'article',
      { class: 'message user' },
      create('h2', {}, 'You'),
      create('p', {}, question),
    );
    log.append(asked);
    field.value = '';
    messages.push({ role: 'user', content: question });
    try {
      await answer(signal);
    } catch (error) {
      // What was not answered can be sent again.
      if (messages.at(-1)?.role === 'user') {
        messages.pop();
        asked.remove();
        field.value ||= question;
      }
      throw error;
    }
  });

  find(form, '[data-new]', HTMLButtonElement).addEventListener('click', () => {
    task.stop();
    messages.length = 0;
    log.replaceChildren();
    announcer.clear();
    field.focus();
  });

  /** @param {AbortSignal} signal */
  async function answer(signal) {
    const ending = new Ending();
    const reader = new ChatTokenReader();
    const text = create('p', {});
    const stats = create('footer', { class: 'stats' });
    const article = create(
      'article',
      { class: 'message model busy' },
      create('h2', {}, picker.model),
      text,
      stats,
    );
    const output = new TokenText(text);
    log.append(article);
    announcer.clear();
    announcer.say('Generating.');
    let content = '';
    try {
      for await (const chunk of postForEvents(PATH, body(messages), signal)) {
        ending.read(chunk);
        const [choice] = chunk.choices;
        if (choice === undefined) continue;
        const tokens = reader.read(choice.logprobs?.content ?? []);
        content += choice.delta.content ?? '';
        ending.add(tokens.length);
        output.add(tokens);
        announcer.add(choice.delta.content ?? '');
        article.scrollIntoView({ block: 'nearest' });
      }
    } finally {
      article.classList.remove('busy');
      stats.textContent = ending.toString();
      announcer.end(stats.textContent);
      if (output.tokens.length === 0) article.remove();
      else messages.push({ role: 'assistant', content });
    }
  }

  return picker;
}
