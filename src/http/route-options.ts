import type { Metrics } from '#metrics/metrics.js';
import type { ModelRegistry } from '#registry/types.js';
import type { Watchdog } from '#registry/watchdog.js';
import type { Endpoints } from './endpoints.js';

/** What every route is given. */
export interface RouteOptions {
  readonly registry: ModelRegistry;
  readonly watchdog: Watchdog;
  readonly metrics: Metrics;
  /** All that take bodies. */
  readonly endpoints: Endpoints;
  /** Largest body of endpoints that take many texts at once, in bytes. */
  readonly textsLimit: number;
  /** Whether there is a page to try the models with. */
  readonly playground: boolean;
  /** The package's. */
  readonly version: string;
}
