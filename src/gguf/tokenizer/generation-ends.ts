import { TokenType, type GgufVocabulary, type Role } from './vocabulary.js';

/** Roles whose tokens end a text. */
const ENDING_ROLES: readonly Role[] = ['eos', 'eot', 'eom', 'fimPad', 'fimRepo', 'fimSeparator'];

/** Tokens that end a text by their names, where they control the model. */
const ENDING_NAMES: readonly string[] = [
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<|flush|>',
  '<|calls|>',
  '<end_of_turn>',
  '<|endoftext|>',
  '</s>',
  '<|eom_id|>',
  '<EOT>',
  '_<EOT>',
  '[EOT]',
  '[EOS]',
  '<|end_of_text|>',
  '<end_of_utterance>',
  '<eos>',
  '<turn|>',
  '<|tool_response>',
  '<｜end▁of▁sentence｜>',
  '[e~[',
  '<|fim_pad|>',
  '<|fim_repo|>',
  '<|repo_name|>',
  '<|file_sep|>',
];

/** Models that say more than one thing in a turn: `<|end|>` ends a part of it where one of these pairs is there. */
const TURNS_OF_PARTS: readonly (readonly string[])[] = [
  ['<|return|>', '<|call|>'],
  ['<|calls|>', '<|flush|>'],
];

/** Vocabularies in which `</s>` is a word like any other: those with one of these tokens. */
const OTHER_ENDS: readonly string[] = ['<|tool_response>', '<|plamo:eos|>'];

/**
 * The tokens that end a text, in the order of their ids: those with such a role, and those that llama.cpp knows
 * by their names.
 *
 * Source: `special_eog_ids` in `llama-vocab.cpp` of https://github.com/ggml-org/llama.cpp
 */
export function endingIds({ ids, types, roles }: GgufVocabulary): number[] {
  const controls = (token: string): boolean => types[ids.get(token) ?? -1] === TokenType.CONTROL;
  const ends = new Set(ENDING_ROLES.map(role => roles.get(role)).filter(id => id !== undefined));
  for (const token of ENDING_NAMES) if (controls(token)) ends.add(ids.get(token)!);
  if (TURNS_OF_PARTS.some(pair => pair.every(controls))) ends.delete(ids.get('<|end|>')!);
  if (OTHER_ENDS.some(token => ids.has(token))) ends.delete(ids.get('</s>')!);
  return [...ends].sort((a, b) => a - b);
}
