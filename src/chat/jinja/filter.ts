import { bind } from './arguments.js';
import type { Run } from './run.js';
import type { Keywords, Value } from './values.js';

/** What filters and tests reach besides their arguments. */
export interface Environment {
  readonly filters: ReadonlyMap<string, Filter>;
  readonly tests: ReadonlyMap<string, Filter>;
}

/** A filter; or a test, whose result's truth counts. */
export type Filter = (
  value: Value,
  args: readonly Value[],
  keywords: Keywords,
  run: Run,
  environment: Environment,
) => Value;

/**
 * A filter with parameters.
 *
 * @param parameters their names, with spaces between.
 * @param required how many of them must be given.
 */
export function filter(
  name: string,
  parameters: string,
  required: number,
  apply: (value: Value, args: readonly (Value | undefined)[], run: Run, environment: Environment) => Value,
): readonly [string, Filter] {
  const names = parameters === '' ? [] : parameters.split(' ');
  return [
    name,
    (value, args, keywords, run, environment) =>
      apply(
        value,
        names.length === 0 && args.length === 0 && keywords.size === 0
          ? []
          : bind(name, names, required, args, keywords),
        run,
        environment,
      ),
  ];
}
