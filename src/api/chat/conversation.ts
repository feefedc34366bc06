import type { Caller } from '#caller.js';
import type { ChatMessage } from '#chat/messages.js';
import type { ChatTemplate, ChatInput } from '#chat/template.js';
import { contextLengthExceeded } from '#errors.js';
import type { GenerationModel } from '#registry/types.js';
import { promptCut, type PromptCutFields } from '../generation/prompt-cut.js';

/** How a conversation becomes a prompt. */
export interface ConversationOptions {
  /** The field that messages come from, for errors. */
  readonly param: string;
  /** Whether the tokenizer adds its own tokens to what the template wrote; default false. */
  readonly addSpecialTokens: boolean;
  /** What becomes of a prompt that is too long. */
  readonly cut: PromptCutFields;
  /** Whether messages at the beginning are left out where the prompt would be too long. */
  readonly dropsMessages: boolean;
  /** Tokens to keep free for what is to be generated; at least 1. */
  readonly reserved: number;
}

/**
 * Writes a conversation as the model's template has it, and tokenizes it.
 *
 * @throws KvasirError `invalid_request`, `context_length_exceeded`
 */
export async function conversationIds(
  template: ChatTemplate,
  input: ChatInput,
  options: ConversationOptions,
  model: GenerationModel,
  caller: Caller,
): Promise<readonly number[]> {
  const { contextLength, texts } = model;
  const { param, addSpecialTokens, reserved } = options;
  const cut = promptCut(options.cut, contextLength - reserved);
  const encode = async (messages: readonly ChatMessage[]): Promise<{ ids: number[]; whole: boolean }> => {
    const text = await template.render({ ...input, messages }, caller);
    const limit = cut ?? { maxTokens: contextLength };
    const [encoded] = await texts.map('encodePrompt', [{ text, addSpecialTokens }], limit, caller, param);
    return encoded!;
  };
  let { ids, whole } = await encode(input.messages);
  if (options.dropsMessages) {
    const longest = Math.max(1, contextLength - reserved);
    const starts = ids.length >= contextLength ? turnStarts(input.messages) : [];
    // The fewest that must be left out are found by bisection.
    for (let [low, high] = [0, starts.length]; low < high;) {
      const middle = (low + high) >> 1;
      const shorter = await encode(withoutBeginning(input.messages, starts[middle]!));
      if (shorter.ids.length <= longest) [{ ids, whole }, high] = [shorter, middle];
      else low = middle + 1;
    }
  }
  if (ids.length < contextLength) return ids;
  const all = whole || cut !== undefined;
  throw contextLengthExceeded(
    param,
    `the messages have ${all ? '' : 'more than '}${ids.length} tokens; the model's context of ${contextLength} tokens must hold them and at least one more`,
    all ? ids.length : undefined,
    contextLength,
  );
}

/** Where a user's turn begins, but for the first one: what comes before it can be left out. */
function turnStarts(messages: readonly ChatMessage[]): number[] {
  const starts = messages.flatMap(({ role }, index) => (role === 'user' ? [index] : []));
  return starts.slice(1);
}

/** The conversation from a message on, with the instructions that stand before everything. */
function withoutBeginning(messages: readonly ChatMessage[], start: number): ChatMessage[] {
  const instructions = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer');
  return [...messages.slice(0, Math.max(0, instructions)), ...messages.slice(start)];
}
