/**
 * Who shares what the KV cache keeps of prompts: requests with the same API key and the same salt. How soon a
 * prompt is answered tells whether it was in the cache, so that clients who must not know of each other's
 * prompts need scopes of their own.
 *
 * @param apiKey a name for the key, not the key itself; undefined where there are no keys.
 * @param salt the request's `cache_salt`, as vLLM has it.
 */
export function reuseScope(apiKey: string | undefined, salt: string | null | undefined): string {
  return apiKey === undefined && !salt ? '' : JSON.stringify([apiKey, salt]);
}
