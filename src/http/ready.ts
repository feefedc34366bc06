import type { ModelRegistry } from '#registry/types.js';
import type { Watchdog } from '#registry/watchdog.js';

/** Why a server should get no requests, if so: models are being loaded, or none can be served, or none gives finite numbers. */
export function notReady(
  registry: ModelRegistry,
  watchdog: Watchdog,
): { readonly code: 'loading' | 'no_model' | 'broken_model'; readonly message: string } | undefined {
  if (registry.starting) return { code: 'loading', message: 'models are being loaded' };
  const all = registry.entries();
  if (all.length === 0) return { code: 'no_model', message: 'no model is served' };
  const entries = all.filter(({ state }) => state !== 'failed');
  if (entries.length === 0)
    return { code: 'no_model', message: `no model can be loaded: ${all.map(({ id }) => id).join(', ')}` };
  if (!entries.every(({ model }) => watchdog.broken(model) === 'always')) return undefined;
  const names = entries.map(({ id }) => id).join(', ');
  return { code: 'broken_model', message: `the numbers of ${names} are not finite: the weights are broken` };
}
