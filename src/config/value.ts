import { Check } from 'typebox/schema';
import { KvasirError } from '#errors.js';
import { parseBytes, writeBytes, type Setting } from './setting.js';

/**
 * Checks a setting's value from a file.
 *
 * @param name what the user calls the setting: `--port`, `KVASIR_PORT`, `kvasir.yaml: port`.
 * @throws KvasirError `invalid_configuration` where it is not what the setting takes
 */
export function checkedValue(setting: Setting, value: unknown, name: string): unknown {
  const read = fromFile(setting, value);
  if (read !== undefined && Check(setting, read)) return read;
  const given = setting.secret ? '' : `, got ${shorten(JSON.stringify(value) ?? 'nothing')}`;
  throw new KvasirError('invalid_configuration', `${name}: expected ${expectation(setting)}${given}`);
}

function fromFile({ kind, pattern }: Setting, value: unknown): unknown {
  if (kind === 'bytes' && typeof value === 'string') return parseBytes(value);
  // YAML reads a text of digits as a number.
  return pattern !== undefined && typeof value === 'number' ? String(value) : value;
}

/**
 * Checks a setting's value from the command line or the environment.
 *
 * @throws KvasirError `invalid_configuration`
 */
export function checkedText(setting: Setting, text: string, name: string): unknown {
  return checkedValue(setting, fromText(setting, text), name);
}

function fromText({ type, kind }: Setting, text: string): unknown {
  if (kind !== undefined) return text;
  if (type === 'integer' || type === 'number')
    return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
  if (type === 'boolean') {
    if (/^(true|yes|on|1)$/i.test(text)) return true;
    return /^(false|no|off|0)$/i.test(text) ? false : text;
  }
  if (type === 'array')
    return text
      .split(',')
      .map(part => part.trim())
      .filter(part => part !== '');
  return text;
}

/** Describes the values that a setting takes: `a whole number from 0 to 65535`. */
function expectation(setting: Setting): string {
  const { type, kind, enum: values, minimum, maximum, exclusiveMinimum } = setting;
  if (kind === 'bytes') return 'a number of bytes, such as 512m or 1.5g';
  if (values !== undefined) return `one of ${values.join(', ')}`;
  if (type === 'integer' || type === 'number') {
    const noun = type === 'integer' ? 'a whole number' : 'a number';
    return exclusiveMinimum === undefined
      ? `${noun} from ${minimum} to ${maximum}`
      : `${noun} above ${exclusiveMinimum}, up to ${maximum}`;
  }
  if (type === 'boolean') return 'true or false';
  if (setting.pattern !== undefined) return `one of ${setting.unit}`;
  return type === 'array' ? 'a list of texts' : 'a text';
}

/** A setting's default, for people. */
export function defaultText({ default: value, otherwise, kind }: Setting): string {
  if (value === undefined) return otherwise ?? 'none';
  return kind === 'bytes' ? writeBytes(value as number) : `${value as string | number | boolean}`;
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
