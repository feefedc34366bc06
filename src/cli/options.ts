import { InvalidArgumentError, Option } from 'commander';

/** A parser for a whole number of at least `min`. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (value: string) => number {
  return value => {
    const number = Number(value);
    if (value.trim() === '' || !Number.isInteger(number) || number < min || number > max) {
      const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
      throw new InvalidArgumentError(`expected a whole number ${range}.`);
    }
    return number;
  };
}

/** An option that the environment can set too, as `KVASIR_` and its name. */
export function option(flags: string, description: string): Option {
  const created = new Option(flags, description);
  return created.env(`KVASIR_${created.name().toUpperCase().replaceAll('-', '_')}`);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** A parser for a number of bytes, such as `512m` or `1.5GiB`; units are powers of 1024. */
export function byteSize(value: string): number {
  const [, number, unit] = /^([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(value.trim()) ?? [];
  const factor = unit === undefined ? undefined : UNITS[unit.toLowerCase()];
  if (number === undefined || factor === undefined)
    throw new InvalidArgumentError('expected a number of bytes, such as 512m or 1.5g.');
  return Math.floor(Number(number) * factor);
}

/** A parser for a number above 0. */
export function positiveNumber(value: string): number {
  const number = Number(value);
  if (!Number.isFinite(number) || number <= 0) throw new InvalidArgumentError('expected a number above 0.');
  return number;
}
