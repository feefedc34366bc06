import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, constants, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { KvasirError } from '#errors.js';
import { storing, userCache } from '#storage.js';
import { findDamage, writeManifest } from './build-manifest.js';
import { sweepPartials, withPartial } from './partial-builds.js';

/** Builds of an older writer are not used: raise it whenever the graphs that it writes change. */
const WRITER_VERSION = 18;

const FOLDER = '.kvasir';

/** Everything that a built graph depends on. */
export interface BuildInputs {
  /** The model's folder. */
  readonly folder: string;
  /** Files of the folder that are read. */
  readonly files: readonly string[];
  /** Name of what is built of them, such as `decoder-f32`; builds of other variants live beside it. */
  readonly variant: string;
  /** Told in a sentence where a build that was there is damaged, and is made again. */
  readonly onDamaged?: ((fault: string) => void) | undefined;
}

/**
 * A folder with what `build` writes, made once and kept beside the model (in `.kvasir/`, or in the user's
 * cache where the model's folder is read-only) until one of the inputs changes: another size, time or name of
 * a file. A build becomes visible at once and whole, by a rename; of two processes that build at the same
 * time, the second one's work is dropped. A failed build leaves nothing behind, and what a killed one has
 * left is removed.
 *
 * A build that was there is compared with its manifest, and made again where it is damaged.
 *
 * @param build writes into the empty folder that it is given.
 * @throws KvasirError `invalid_model` where a file is missing, `storage_full`, and whatever `build` throws
 */
export async function buildOnce(
  inputs: BuildInputs,
  build: (folder: string) => Promise<unknown>,
): Promise<string> {
  const parent = await cacheFolder(inputs.folder);
  const name = `${inputs.variant}-${await fingerprint(inputs)}`;
  const target = path.join(parent, name);
  await sweepPartials(parent);
  const damage = existsSync(target) ? await findDamage(target) : 'none';
  if (damage === undefined) return target;
  if (existsSync(target)) await rebuild(target, damage, build, inputs.onDamaged);
  else await buildWhole(target, build);
  await removeStale(parent, inputs.variant, name);
  return target;
}

async function buildWhole(target: string, build: (folder: string) => Promise<unknown>): Promise<void> {
  await withPartial(path.dirname(target), async partial => {
    try {
      await storing(partial, () => mkdir(partial, { recursive: true })).catch(elsewhere);
      await build(partial);
      await writeManifest(partial);
      await storing(target, () => rename(partial, target));
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      if (!existsSync(target)) throw error;
    }
  });
}

/** Says what to do where built graphs cannot be kept. */
function elsewhere(error: Error): never {
  if (!(error instanceof KvasirError) || error.code !== 'invalid_configuration') throw error;
  const message = `${error.message}; XDG_CACHE_HOME names another place for graphs of folders that cannot be written to`;
  throw new KvasirError(error.code, message, { cause: error });
}

/**
 * Whoever runs on the damaged build goes on with its open files; where that forbids its removal, it is
 * refused.
 */
async function rebuild(
  target: string,
  damage: string,
  build: (folder: string) => Promise<unknown>,
  onDamaged: BuildInputs['onDamaged'],
): Promise<void> {
  onDamaged?.(`the built graph in ${target} is damaged (${damage}); it is built again`);
  try {
    await withPartial(path.dirname(target), async aside => {
      await storing(target, () => rename(target, aside)).catch((error: NodeJS.ErrnoException) => {
        // Another process was faster.
        if (error.code !== 'ENOENT') throw error;
      });
      await rm(aside, { recursive: true, force: true });
    });
    await buildWhole(target, build);
  } catch (cause) {
    if (!(cause instanceof KvasirError) || cause.code === 'cancelled') throw cause;
    throw new KvasirError(
      cause.code,
      `the built graph in ${target} was damaged (${damage}) and cannot be built again: ${cause.message}; make the model's folder whole, and try again`,
      { cause },
    );
  }
}

async function fingerprint({ folder, files, variant }: BuildInputs): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([WRITER_VERSION, variant]));
  for (const file of [...files].sort()) {
    const { size, mtimeMs } = await stat(path.join(folder, file)).catch((cause: Error) => {
      throw new KvasirError('invalid_model', `${folder}: ${cause.message}`, { cause });
    });
    hash.update(JSON.stringify([file, size, mtimeMs]));
  }
  return hash.digest('hex').slice(0, 16);
}

/** `.kvasir/` in the model's folder, or a folder of the user's cache named after it. */
async function cacheFolder(folder: string): Promise<string> {
  const beside = path.join(folder, FOLDER);
  try {
    await access(existsSync(beside) ? beside : folder, constants.W_OK);
    return beside;
  } catch {
    const absolute = path.resolve(folder);
    const hash = createHash('sha256').update(absolute).digest('hex').slice(0, 16);
    return path.join(userCache(), `${path.basename(absolute)}-${hash}`);
  }
}

/**
 * Removes builds of the same variant from other inputs. Whoever still reads one keeps it open; where that
 * forbids it, it stays.
 */
async function removeStale(parent: string, variant: string, current: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    const isOlder = entry.startsWith(`${variant}-`) && entry.length === current.length && entry !== current;
    if (isOlder) await rm(path.join(parent, entry), { recursive: true, force: true }).catch(() => undefined);
  }
}
