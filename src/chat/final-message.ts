import { KvasirError } from '#errors.js';
import { strip } from './jinja/splitting.js';
import type { ChatMessage } from './messages.js';

/** Characters that no language has and no template changes. A message may have some of them, but not all. */
const MARKS = Array.from({ length: 64 }, (_, i) => `\uf8a1${String.fromCharCode(0xe100 + i)}\uf8a2`);

/**
 * Makes a prompt that ends where the text of the last message ends, whatever the template writes behind it,
 * for the model to go on from there. The place is found by a mark behind the text, as transformers finds it:
 * the text itself may stand in the prompt more than once.
 *
 * @param messages one at least; the last one is continued.
 * @param render makes the prompt of messages.
 * @returns the prompt, whose end is the message's text; without white space at the text's ends where the
 * template trims it
 * @throws KvasirError `invalid_request` where the template changes the text, or leaves it out
 */
export function continueFinalMessage(
  messages: readonly ChatMessage[],
  render: (messages: readonly ChatMessage[]) => string,
): string {
  const last = messages.at(-1)!;
  const { content } = last;
  const mark = MARKS.find(mark => !content.includes(mark)) ?? refuse();
  // Whether the space behind the mark is still there tells whether the template trims texts.
  const prompt = render([...messages.slice(0, -1), { ...last, content: `${content}${mark} ` }]);
  const end = prompt.lastIndexOf(mark);
  if (end < 0) refuse();
  if (prompt[end + mark.length] === ' ') {
    const text = prompt.slice(0, end);
    return endsWith(text, content) ? text : refuse();
  }
  const kept = strip(content, 'right');
  if (kept !== '') {
    const text = strip(prompt.slice(0, end), 'right');
    return endsWith(text, kept) ? text : refuse();
  }
  // Nothing is left of the text: the prompt ends where it would begin.
  if (content !== '')
    return continueFinalMessage([...messages.slice(0, -1), { ...last, content: '' }], render);
  return prompt.slice(0, end);
}

/** Whether a prompt ends with a message, whose white space at the beginning a template may have removed. */
function endsWith(prompt: string, content: string): boolean {
  return prompt.endsWith(content) || (content !== '' && prompt.endsWith(strip(content, 'left')));
}

function refuse(): never {
  throw new KvasirError(
    'invalid_request',
    "the model's chat template changes the last message: it cannot be continued",
    { param: 'continue_final_message' },
  );
}
