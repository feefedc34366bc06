import type { ModelConfig } from '../config.js';
import { harmlessField } from './harmless.js';
import { TRANSFORMERS_FIELDS } from './transformers-fields.js';

/** Names that a sentence lists. */
const LISTED = 8;

/**
 * Sentences about fields that may change results and are not read, once a graph is written: those that nobody
 * has asked for, that are not known to be harmless, and that transformers does not know of the family either. What
 * the family's own readers have to say comes first.
 */
export function fieldWarnings(...configs: readonly ModelConfig[]): readonly string[] {
  return configs.flatMap(config => {
    const names = unknownFields(config);
    return names.length === 0 ? config.warnings : [...config.warnings, unreadFields('config.json', names)];
  });
}

/**
 * A sentence about fields of a file that may change results and are not read.
 *
 * @param names of fields; at least one.
 */
export function unreadFields(file: string, names: readonly string[]): string {
  const others = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  const [noun, condition] = names.length === 1 ? ['a field', 'it matters'] : ['fields', 'they matter'];
  return `${file} has ${noun} that nobody reads: ${names.slice(0, LISTED).join(', ')}${others}; if ${condition}, the results are not those that the model was made for`;
}

function unknownFields(config: ModelConfig): readonly string[] {
  const type = config.string('model_type', '');
  const known = TRANSFORMERS_FIELDS[type];
  const isKnown = (name: string): boolean =>
    known !== undefined && (name in known.reads || known.others.includes(name));
  return config.unasked.filter(
    name => !isKnown(name) && harmlessField(name, type, config.value(name)) === undefined,
  );
}
