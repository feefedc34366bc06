import type { ModelRegistry } from '../registry/types.js';

/** What every route is given. */
export interface RouteOptions {
  readonly registry: ModelRegistry;
}
