/** Name of a setting on the command line: `kv_cache_memory` is `--kv-cache-memory`. */
export function flagName(key: string): string {
  return `--${key.replaceAll('_', '-')}`;
}

/** Name of a setting in the environment: `kv_cache_memory` is `KVASIR_KV_CACHE_MEMORY`. */
export function variableName(key: string): string {
  return `KVASIR_${key.toUpperCase()}`;
}
