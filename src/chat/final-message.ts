import { KvasirError } from '#errors.js';
import type { ChatMessage } from './messages.js';

/** Characters of no language, which no template looks for and no text of people has. */
const MARKS = ['\ue0a1\ue0b2\ue0c3', '\ue0d4\ue0e5\ue0f6'] as const;

/**
 * The last message of a conversation, which is to be continued: the prompt must end where its text ends,
 * whatever the template writes behind it.
 *
 * The place is found by rendering with a mark behind the text. That the template does to the text what it
 * does without the mark is found by rendering with another mark, and without any.
 */
export class FinalMessage {
  readonly #before: readonly ChatMessage[];
  readonly #last: ChatMessage;

  /** @param messages one at least; the last one is continued. */
  constructor(messages: readonly ChatMessage[]) {
    this.#before = messages.slice(0, -1);
    this.#last = messages.at(-1)!;
  }

  /**
   * @param render makes the prompt of messages.
   * @returns the prompt up to the end of the last message's text. White space at its end stays if the
   * template keeps what is within a message.
   * @throws KvasirError `invalid_request` where the text does not stand in the prompt, or not once
   */
  cut(render: (messages: readonly ChatMessage[]) => string): string {
    const { content } = this.#last;
    const mark = MARKS.find(mark => !content.includes(mark)) ?? refuse();
    const prompt = render([...this.#before, { ...this.#last, content: content + mark }]);
    const end = prompt.lastIndexOf(mark);
    if (end < 0) refuse();
    return prompt.slice(0, end);
  }
}

function refuse(): never {
  throw new KvasirError(
    'invalid_request',
    "the model's chat template changes the last message: it cannot be continued",
    { param: 'continue_final_message' },
  );
}
