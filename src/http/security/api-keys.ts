import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { KvasirError } from '#errors.js';

/** The keys that a server accepts. Only their SHA-256 digests are kept. */
export class ApiKeys {
  readonly #digests: readonly Buffer[];

  /** @param keys as they are, or `sha256:` and the digest's 64 hexadecimal digits. */
  constructor(keys: readonly string[]) {
    this.#digests = keys.map(key => {
      const [, hex] = /^sha256:([0-9a-f]{64})$/i.exec(key) ?? [];
      return hex === undefined ? digest(key) : Buffer.from(hex, 'hex');
    });
  }

  /**
   * In constant time, whichever key it is and wherever it differs.
   *
   * @returns a name for the key that is no secret, or undefined for a key that is not accepted.
   */
  find(given: string): string | undefined {
    const wanted = digest(given);
    let found: Buffer | undefined;
    for (const known of this.#digests) if (timingSafeEqual(known, wanted)) found = known;
    return found?.toString('hex').slice(0, 12);
  }
}

/**
 * @param file with one key a line; empty lines and those that begin with `#` do not count.
 * @returns undefined where there are neither keys nor a file.
 * @throws KvasirError `invalid_configuration` for a file that cannot be read or has no key
 */
export async function readApiKeys(
  keys: readonly string[] | undefined,
  file: string | undefined,
): Promise<ApiKeys | undefined> {
  const fromFile = file === undefined ? [] : keysOf(await read(file));
  if (file !== undefined && fromFile.length === 0)
    throw new KvasirError('invalid_configuration', `api_key_file: there is no key in ${file}`);
  const all = [...(keys ?? []), ...fromFile];
  return all.length === 0 ? undefined : new ApiKeys(all);
}

function keysOf(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'));
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new KvasirError('invalid_configuration', `api_key_file: ${(cause as Error).message}`, { cause });
  }
}

/** Of one length for all keys, which a comparison in constant time needs. */
function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
