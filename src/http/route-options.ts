import type { PictureReader } from '#api/pictures/picture-reader.js';
import type { Metrics } from '#metrics/metrics.js';
import type { ModelRegistry } from '#registry/types.js';
import type { Watchdog } from '#registry/watchdog.js';
import type { Endpoints } from './endpoints.js';
import type { BodyMemory } from './lifecycle/body-memory.js';

/** What routes need to read pictures. */
export interface PictureOptions {
  readonly reader: PictureReader;
  /** Pictures of one request. */
  readonly most: number;
}

/** What every route is given. */
export interface RouteOptions {
  readonly registry: ModelRegistry;
  readonly watchdog: Watchdog;
  readonly metrics: Metrics;
  /** All that take bodies. */
  readonly endpoints: Endpoints;
  /** Largest body of endpoints that take many texts at once, in bytes. */
  readonly textsLimit: number;
  readonly pictures: PictureOptions;
  /** How much of recordings is taken. */
  readonly audio: AudioOptions;
  /** Origins whose pages may call the server; `*` is all. */
  readonly corsOrigins: readonly string[];
  /** Whether there is a page to try the models with. */
  readonly playground: boolean;
  /** The package's. */
  readonly version: string;
}

/** How much of recordings is taken. */
export interface AudioOptions {
  /** Largest form with a recording, in bytes. */
  readonly bodyLimit: number;
  /** Longest recording, in seconds. */
  readonly maxSeconds: number;
  /** What recordings take that are being transcribed. */
  readonly memory: BodyMemory;
}
