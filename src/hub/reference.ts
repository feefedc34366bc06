import { KvasirError } from '#errors.js';

/** A model on a hub. */
export interface ModelReference {
  /** `owner/name`, or just `name` for the few models of the hub's first days, such as `gpt2`. */
  readonly repo: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

const DEFAULT_REVISION = 'main';

/**
 * Names that the hub allows: letters, digits, `-`, `_` and `.`, at most 96 of them, neither at the ends nor
 * doubled as punctuation.
 */
const NAME = String.raw`(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?`;
/** A valid git reference that cannot climb out of a folder. */
const REVISION = String.raw`(?!\/|.*(?:\.\.|\/\/|@\{))[A-Za-z0-9_.\/-]{1,255}(?<![\/.])`;
const WITH_OWNER = new RegExp(`^(${NAME}/${NAME})(?:@(${REVISION}))?$`);
const ANY = new RegExp(`^((?:${NAME}/)?${NAME})(?:@(${REVISION}))?$`);

/** True if an argument that is no folder can be meant as `owner/name` or `owner/name@revision`. */
export function looksLikeReference(argument: string): boolean {
  return WITH_OWNER.test(argument);
}

/**
 * Reads `owner/name` or `owner/name@revision`.
 *
 * @throws KvasirError `invalid_configuration`
 */
export function parseReference(text: string): ModelReference {
  const [, repo, revision = DEFAULT_REVISION] = ANY.exec(text) ?? [];
  if (repo === undefined)
    throw new KvasirError(
      'invalid_configuration',
      `'${text}' is not a model on a hub: expected owner/name or owner/name@revision`,
    );
  return { repo, revision };
}
