import { randomInt } from 'node:crypto';

/** How fast-check is to look for counterexamples. */
export interface PropertyRuns {
  readonly seed: number;
  readonly numRuns: number;
}

/** An arbitrary one. */
const SEED = 20_260_101;

/**
 * What every property is checked with: always the same seed, so that a run of the tests can be repeated. `KVASIR_TEST_SEED` takes another
 * one, or `random` ones, which a counterexample's report names; `KVASIR_TEST_RUNS` is how many times as many examples are tried.
 *
 * @param numRuns examples to try.
 * @throws Error where a variable is no number.
 */
export function runs(numRuns: number): PropertyRuns {
  const { KVASIR_TEST_SEED: seed = SEED, KVASIR_TEST_RUNS: times = 1 } = process.env;
  return {
    seed: seed === 'random' ? randomInt(2 ** 31) : integer(seed),
    numRuns: numRuns * integer(times),
  };
}

function integer(text: string | number): number {
  const number = Number(text);
  if (!Number.isInteger(number)) throw new Error(`${text} is no whole number`);
  return number;
}
