import { create, ortApi } from './api.js';
import { Handle } from './handle.js';

/** `OrtLoggingLevel`: the least severe messages that ONNX Runtime itself writes to standard error. */
export type RuntimeLogLevel = 'verbose' | 'info' | 'warning' | 'error' | 'fatal';
const LOG_LEVELS: readonly RuntimeLogLevel[] = ['verbose', 'info', 'warning', 'error', 'fatal'];

/** ONNX Runtime's environment (`OrtEnv`): one per process is usual, and it outlives all sessions. */
export class Environment extends Handle {
  /** Version of the library, such as `1.29.0`. */
  readonly version = ortApi().version;
  /** Path of the library. */
  readonly libraryPath = ortApi().path;

  constructor(options: { logLevel?: RuntimeLogLevel } = {}) {
    super(create('CreateEnv', LOG_LEVELS.indexOf(options.logLevel ?? 'error'), 'kvasir'), 'ReleaseEnv');
  }
}
