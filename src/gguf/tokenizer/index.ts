import type { GgufMetadata } from '../metadata.js';
import { bytePairParts } from './byte-pair.js';
import { chatTemplateFiles } from './chat-templates.js';
import { generationConfig } from './generation-config.js';
import type { TokenizerParts } from './parts.js';
import { sentencePieceParts } from './sentence-piece.js';
import { spellingOf, type Role } from './vocabulary.js';
import { wordPieceParts } from './word-piece.js';

const MODEL = 'tokenizer.ggml.model';

/** The kinds of tokenizers by their names in files. */
const FORMS: ReadonlyMap<string, (metadata: GgufMetadata) => TokenizerParts> = new Map([
  ['llama', metadata => sentencePieceParts(metadata, 'llama')],
  ['t5', metadata => sentencePieceParts(metadata, 't5')],
  ['gpt2', metadata => bytePairParts(metadata, 'gpt2')],
  ['gemma4', metadata => bytePairParts(metadata, 'gemma4')],
  ['bert', wordPieceParts],
]);

/** Special tokens of tokenizer_config.json, by the roles that they have in GGUF files. */
const SPECIAL_TOKENS: readonly (readonly [field: string, role: Role])[] = [
  ['bos_token', 'bos'],
  ['eos_token', 'eos'],
  ['unk_token', 'unk'],
  ['sep_token', 'sep'],
  ['pad_token', 'pad'],
  ['mask_token', 'mask'],
];

/**
 * The files of a Hugging Face folder that say how texts become tokens, conversations become texts, and texts
 * end: made of the keys `tokenizer.*` and `general.sampling.*` of a GGUF file.
 *
 * @returns contents by name; names may begin with a folder.
 * @throws KvasirError `unsupported_model` for kinds of tokenizers and pre-tokenizers that are not known, by
 * their names; `invalid_model` where keys are missing or contradict one another
 */
export function tokenizerFiles(metadata: GgufMetadata): ReadonlyMap<string, string | Uint8Array> {
  const name = metadata.string(MODEL, 'none');
  const partsOf = FORMS.get(name);
  if (partsOf === undefined)
    throw metadata.unsupported(
      `its tokenizer ${JSON.stringify(name)} (${MODEL}) is not read; ${[...FORMS.keys()].join(', ')} are`,
    );
  const { vocabulary, files, config } = partsOf(metadata);
  const special = SPECIAL_TOKENS.flatMap(([field, role]) => {
    const token = spellingOf(vocabulary, role);
    return token === undefined ? [] : [[field, token] as const];
  });
  const all: Readonly<Record<string, object | string | Uint8Array>> = {
    ...files,
    'tokenizer_config.json': {
      ...Object.fromEntries(special),
      clean_up_tokenization_spaces: false,
      ...config,
    },
    'generation_config.json': generationConfig(metadata, vocabulary),
    ...chatTemplateFiles(metadata),
  };
  return new Map(
    Object.entries(all).map(([file, contents]) => [
      file,
      typeof contents === 'string' || contents instanceof Uint8Array ? contents : JSON.stringify(contents),
    ]),
  );
}
