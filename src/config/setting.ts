import { Type, type TSchema } from 'typebox';

/** Description of a setting for help and errors, beside its type, range and default. */
interface SettingOptions<T> {
  readonly description: string;
  /** Placeholder for the value in help and documentation: `seconds`, `bytes`, `folder`. */
  readonly unit?: string;
  readonly default?: T;
  /** Describes to people the behaviour without a value. */
  readonly otherwise?: string;
  /** Kept off the command line, which everybody on the machine can read. */
  readonly secret?: true;
}

/** A setting's schema with its annotations. */
export type Setting = TSchema &
  Partial<SettingOptions<unknown>> & {
    readonly type?: string;
    readonly enum?: readonly string[];
    readonly pattern?: string;
    readonly minimum?: number;
    readonly maximum?: number;
    readonly exclusiveMinimum?: number;
    readonly kind?: 'bytes';
  };

/** A whole number. */
export function integer(
  minimum: number,
  maximum: number,
  options: SettingOptions<number>,
): ReturnType<typeof Type.Integer> {
  return Type.Integer({ minimum, maximum, unit: 'number', ...options });
}

/** A number of seconds or of another unit that can be divided. */
export function measure(
  minimum: number,
  maximum: number,
  options: SettingOptions<number>,
): ReturnType<typeof Type.Number> {
  return Type.Number({ minimum, maximum, ...options });
}

/** A number of bytes; in text and files also as `512m` or `1.5GiB`. */
export function bytes(options: SettingOptions<number>): ReturnType<typeof Type.Integer> {
  return Type.Integer({ minimum: 1, kind: 'bytes', unit: 'bytes', ...options });
}

export function choice<const T extends string>(values: readonly T[], options: SettingOptions<T>) {
  return Type.Unsafe<T>(Type.String({ enum: values, unit: values.join('|'), ...options }));
}

export function text(options: SettingOptions<string>): ReturnType<typeof Type.String> {
  return Type.String({ minLength: 1, ...options });
}

/** A text that matches a pattern; `unit` describes it to people. */
export function patterned(pattern: string, options: SettingOptions<string>): ReturnType<typeof Type.String> {
  return Type.String({ pattern, ...options });
}

export function flag(options: SettingOptions<boolean>): ReturnType<typeof Type.Boolean> {
  return Type.Boolean({ ...options });
}

/** Several texts; on the command line and in the environment separated by commas. */
export function texts(options: SettingOptions<readonly string[]>) {
  return Type.Array(Type.String({ minLength: 1 }), { ...options });
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/**
 * Reads a number of bytes such as `512m` or `1.5GiB`; units are powers of 1024.
 *
 * @returns undefined for any other text.
 */
export function parseBytes(value: string): number | undefined {
  const [, number, unit] = /^([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(value.trim()) ?? [];
  const factor = unit === undefined ? undefined : UNITS[unit.toLowerCase()];
  return number === undefined || factor === undefined ? undefined : Math.floor(Number(number) * factor);
}

/** Writes a number of bytes for {@link parseBytes} to read: `4m`. */
export function writeBytes(value: number): string {
  const unit = ['t', 'g', 'm', 'k'].find(name => value % UNITS[name]! === 0) ?? '';
  return `${value / UNITS[unit]!}${unit}`;
}
