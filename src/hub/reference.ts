import { KvasirError } from '#errors.js';

/** A model on a hub. */
export interface ModelReference {
  /** `owner/name`, or just `name` for the few models of the hub's first days, such as `gpt2`. */
  readonly repo: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** Which of its GGUF files: how it is quantized, or its name. Undefined: the repository's other weights, if any. */
  readonly gguf?: string | undefined;
}

const DEFAULT_REVISION = 'main';

/**
 * Names that the hub allows: letters, digits, `-`, `_` and `.`, at most 96 of them, neither at the ends nor
 * doubled as punctuation.
 */
const NAME = String.raw`(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?`;
/** A valid git reference that cannot climb out of a folder. */
const REVISION = String.raw`(?!\/|.*(?:\.\.|\/\/|@\{))[A-Za-z0-9_.\/-]{1,255}(?<![\/.])`;
/** How a GGUF file is quantized, or its name. */
const GGUF = String.raw`[A-Za-z0-9_][A-Za-z0-9_.-]*`;
const REST = `(?:@(${REVISION}))?(?::(${GGUF}))?$`;
const WITH_OWNER = new RegExp(`^(${NAME}/${NAME})${REST}`);
const ANY = new RegExp(`^((?:${NAME}/)?${NAME})${REST}`);

/** True if an argument that is no folder can be meant as a reference with an owner, see {@link parseReference}. */
export function looksLikeReference(argument: string): boolean {
  return WITH_OWNER.test(argument);
}

/**
 * Reads `owner/name`, `owner/name@revision`, and either of them with `:Q4_K_M`, which names a GGUF file.
 *
 * @throws KvasirError `invalid_configuration`
 */
export function parseReference(text: string): ModelReference {
  const [, repo, revision = DEFAULT_REVISION, gguf] = ANY.exec(text) ?? [];
  if (repo === undefined)
    throw new KvasirError(
      'invalid_configuration',
      `'${text}' is not a model on a hub: expected owner/name, owner/name@revision or owner/name:Q4_K_M`,
    );
  return { repo, revision, ...(gguf !== undefined && { gguf }) };
}
