import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

/**
 * The folder of Hugging Face's cache, which has one folder per repository: `HF_HUB_CACHE`, else
 * `HUGGINGFACE_HUB_CACHE`, else `hub` in `HF_HOME`.
 */
export function hubCache(): string {
  const { env } = process;
  return expand(env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || path.join(huggingFaceHome(), 'hub'));
}

/** The hub's address without a slash at its end: `HF_ENDPOINT`, else Hugging Face's. */
export function hubEndpoint(): string {
  return process.env.HF_ENDPOINT || 'https://huggingface.co';
}

/**
 * The access token: `HF_TOKEN`, else what `hf auth login` has stored, in `HF_TOKEN_PATH` or `token` in `HF_HOME`,
 * unless `HF_HUB_DISABLE_IMPLICIT_TOKEN` forbids that.
 */
export async function hubToken(): Promise<string | undefined> {
  const { env } = process;
  const given = env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN;
  if (given || isSet(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return given || undefined;
  const file = expand(env.HF_TOKEN_PATH || path.join(huggingFaceHome(), 'token'));
  return (await readFile(file, 'utf8').catch(() => '')).trim() || undefined;
}

/** True if no hub is to be asked: `KVASIR_OFFLINE`, `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE` says so. */
export function isOffline(): boolean {
  const { env } = process;
  return [env.KVASIR_OFFLINE, env.HF_HUB_OFFLINE, env.TRANSFORMERS_OFFLINE].some(isSet);
}

/** True if the cache's snapshots are to do without symbolic links. */
export function avoidsLinks(): boolean {
  return isSet(process.env.HF_HUB_DISABLE_SYMLINKS);
}

/** `HF_HOME`, else `huggingface` in the user's cache. */
function huggingFaceHome(): string {
  const { env } = process;
  const userCache = env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  return expand(env.HF_HOME || path.join(userCache, 'huggingface'));
}

/** Services and containers are given `~` as it is. */
function expand(folder: string): string {
  return folder.replace(/^~(?=$|[/\\])/, homedir());
}

function isSet(value: string | undefined): boolean {
  return /^(1|on|yes|true)$/i.test(value ?? '');
}
