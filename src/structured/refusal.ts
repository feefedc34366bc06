import { KvasirError } from '#errors.js';

/** Limits of a structure and its grammar; beyond them it is refused. */
export const LIMITS = {
  /** Characters of its JSON text. */
  characters: 256 * 1024,
  /** Values in values. */
  depth: 128,
  /** Objects, each of which may be a schema. */
  objects: 16_384,
  /** Items of any list, members of any object. */
  members: 4096,
  /** Characters of a regular expression, and of one choice. */
  pattern: 16_384,
  /** Items of `prefixItems`: rules nest as deep. */
  prefix: 256,
  /** States of the automaton before it is made deterministic. */
  nfaStates: 200_000,
  /** States of a deterministic automaton, and of a grammar. */
  dfaStates: 20_000,
  /** Steps of a {@link Budget}. */
  work: 10_000_000,
  /** Alternatives that one schema comes down to. */
  alternatives: 256,
} as const;

/**
 * A part of a schema or expression that cannot be followed. It becomes a {@link KvasirError} where the
 * request's field is known.
 */
export class Refusal extends Error {
  /** JSON pointer into the schema; empty for the whole. */
  readonly pointer: string;

  constructor(pointer: string, message: string) {
    super(message);
    this.pointer = pointer;
  }
}

export function tooComplex(): Refusal {
  return new Refusal('', 'is too complex: its automaton would be too large');
}

/**
 * Runs `compile`, and turns a refusal into an error with the field and the place in it.
 *
 * @param locate the field and the place in it, where pointers do not lead into `param` itself.
 * @throws KvasirError `invalid_request`
 */
export async function refusing<T>(
  param: string,
  compile: () => T | Promise<T>,
  locate = (pointer: string): { readonly param: string; readonly pointer: string } => ({ param, pointer }),
): Promise<T> {
  try {
    return await compile();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const place = locate(error.pointer);
    const where = place.pointer === '' ? place.param : `${place.param} at ${place.pointer}`;
    throw new KvasirError('invalid_request', `${where}: ${error.message}`, { param: place.param });
  }
}

/** Adds a place to refusals that have none. */
export function at<T>(pointer: string, compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    if (error instanceof Refusal && error.pointer === '') throw new Refusal(pointer, error.message);
    throw error;
  }
}

/** A text for a message, in quotes; long ones are cut. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
