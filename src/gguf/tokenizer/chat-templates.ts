import type { GgufMetadata } from '../metadata.js';

const KEY = 'tokenizer.chat_template';

/** Names that are files' names everywhere. */
const NAME = /^[\w-]+$/;

/**
 * The chat templates of a file, the standard one and those with names, as the files that Hugging Face's folders
 * have them in.
 *
 * @throws KvasirError `invalid_model` where one is no text, or its name no name of a file
 */
export function chatTemplateFiles(metadata: GgufMetadata): Record<string, string> {
  const files: Record<string, string> = {};
  if (metadata.has(KEY)) files['chat_template.jinja'] = metadata.string(KEY);
  for (const key of metadata.keys()) {
    if (!key.startsWith(`${KEY}.`)) continue;
    const name = key.slice(KEY.length + 1);
    if (!NAME.test(name)) throw metadata.invalid(`${key} has a name that cannot be a file's`);
    files[`additional_chat_templates/${name}.jinja`] = metadata.string(key);
  }
  return files;
}
