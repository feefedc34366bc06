import path from 'node:path';
import { ifThere, readJsonObject } from '#files.js';
import { unreadFields } from '#graph/config-fields/field-warnings.js';
import { readModuleList } from '#graph/sentence-modules.js';
import { readSentenceSettings } from '#sentence-settings.js';
import { KNOWN_FIELDS, unknownFields, type KnownFields } from './known-fields.js';

/** Which files of a folder count, beside its tokenizer's. */
export interface FilesThatCount {
  /** True for what writes texts: `generation_config.json`. */
  readonly generates?: boolean;
  /** True for what hears: `preprocessor_config.json`. */
  readonly hears?: boolean;
  /** Folder of the encoder in one of sentence-transformers, relative to it; undefined: it is none of these. */
  readonly encoderFolder?: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Sentences about fields of the files beside config.json that may change results and that nobody reads: each field is
 * read, harmless for a reason, or named here. Files of pictures are not among them: their reader refuses such fields.
 *
 * @throws KvasirError `invalid_model` where a file is broken
 */
export async function fileWarnings(
  folder: string,
  { generates = false, hears = false, encoderFolder }: FilesThatCount,
): Promise<readonly string[]> {
  const read = async (name: string): Promise<Fields | undefined> =>
    ifThere(readJsonObject(path.join(folder, name)));
  const tokenizer = path.join(encoderFolder ?? '', 'tokenizer_config.json');
  const warnings = [warning(tokenizer, KNOWN_FIELDS.tokenizer, await read(tokenizer))];
  if (generates) {
    const file = 'generation_config.json';
    warnings.push(warning(file, KNOWN_FIELDS.generation, await read(file)));
  }
  if (hears) {
    const [older, newer] = ['preprocessor_config.json', 'processor_config.json'] as const;
    const own = await read(older);
    const section = own === undefined ? (await read(newer))?.feature_extractor : undefined;
    warnings.push(warning(own === undefined ? newer : older, KNOWN_FIELDS.sound, own ?? (section as Fields)));
  }
  if (encoderFolder !== undefined) {
    const file = 'config_sentence_transformers.json';
    warnings.push(warning(file, KNOWN_FIELDS.sentences, await read(file)));
    const settings = await readSentenceSettings(path.join(folder, encoderFolder));
    if (settings !== undefined)
      warnings.push(warning(path.relative(folder, settings.file), KNOWN_FIELDS.transformer, settings.fields));
    for (const { type, path: place } of await readModuleList(folder)) {
      const known = KNOWN_FIELDS.modules[type];
      const config = path.join(place, 'config.json');
      if (known !== undefined && place !== '') warnings.push(warning(config, known, await read(config)));
    }
  }
  return warnings.filter(sentence => sentence !== undefined);
}

function warning(
  file: string,
  known: readonly KnownFields[],
  fields: Fields | undefined,
): string | undefined {
  const names = unknownFields(known, fields ?? {});
  return names.length === 0 ? undefined : unreadFields(file, names);
}
