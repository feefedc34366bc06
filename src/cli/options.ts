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
