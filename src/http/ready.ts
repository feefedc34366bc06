import type { ModelRegistry } from '#registry/types.js';
import type { Watchdog } from '#registry/watchdog.js';

/** Why a server should get no requests, if so: it serves no model, or none that gives finite numbers. */
export function notReady(
  registry: ModelRegistry,
  watchdog: Watchdog,
): { readonly code: 'no_model' | 'broken_model'; readonly message: string } | undefined {
  const entries = registry.entries();
  if (entries.length === 0) return { code: 'no_model', message: 'no model is served' };
  if (!entries.every(({ model }) => watchdog.broken(model) === 'always')) return undefined;
  const names = entries.map(({ id }) => id).join(', ');
  return { code: 'broken_model', message: `the numbers of ${names} are not finite: the weights are broken` };
}
