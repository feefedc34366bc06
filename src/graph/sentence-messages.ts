import type { ModelConfig } from './config.js';

/** How the Transformer module of sentence-transformers has a chat template write the texts that a model reads. */
export interface MessageSettings {
  /** Whether the text ends where the assistant begins to speak. */
  readonly generationPrompt: boolean;
  /** Further variables of the template. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Arguments of transformers' `apply_chat_template` that are no variables of the template. */
const OWN_ARGUMENTS = [
  'chat_template',
  'tools',
  'documents',
  'continue_final_message',
  'tokenize',
  'padding',
  'truncation',
  'max_length',
  'return_tensors',
  'return_dict',
  'return_assistant_tokens_mask',
  'tokenizer_kwargs',
  'processor_kwargs',
];

/**
 * Reads the form `message` of `modality_config`, in which sentence-transformers then writes all texts, and
 * `processing_kwargs.chat_template`.
 *
 * @param config `sentence_bert_config.json`.
 * @param output what of the model's results is read.
 * @returns undefined where texts are read as they are.
 * @throws KvasirError `invalid_model`; `unsupported_model` for messages of several parts, and arguments that are not
 * taken over
 */
export function readMessageSettings(config: ModelConfig, output: string): MessageSettings | undefined {
  const message = config.section('modality_config')?.section('message');
  if (message === undefined) return undefined;
  message.choice('method', ['forward'], 'forward');
  message.choice('method_output_name', [output], output);
  message.choice('format', ['flat']);
  const given = config.section('processing_kwargs')?.section('chat_template');
  if (given === undefined) return { generationPrompt: false, variables: {} };
  const own = given.names.find(name => OWN_ARGUMENTS.includes(name));
  if (own !== undefined) given.unsupported(`${own} is set for every text; Kvasir does not take it over`);
  if (!given.flag('restore_suffix', true))
    given.unsupported('restore_suffix is false: texts that are cut lose the end of the template');
  const variables = given.names.filter(name => !['add_generation_prompt', 'restore_suffix'].includes(name));
  return {
    generationPrompt: given.flag('add_generation_prompt', false),
    variables: Object.fromEntries(variables.map(name => [name, given.value(name)])),
  };
}
