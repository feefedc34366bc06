import type { Model, ModelRegistry } from './types.js';

/** A model is given up when this many requests in a row have failed … */
const FAILURES = 3;
/** … over at least this many milliseconds: one bad run takes all its requests with it at once. */
const FAILING_FOR = 5000;

interface Watched {
  /** The model's counts when it was last seen to get on, as one text. */
  progress: string;
  /** When that was. */
  since: number;
  failures: number;
  firstFailure: number;
  lastFailure: number;
  /** Its numbers were not finite when it last gave any. */
  broken: boolean;
  /** It has answered a request since it was loaded. */
  sound: boolean;
}

/** Tells when a model's runtime is stuck or broken, so that the process had better be started again. */
export class Watchdog {
  readonly #registry: Pick<ModelRegistry, 'loaded'>;
  readonly #limit: number;
  readonly #watched = new WeakMap<Model, Watched>();

  /** @param limit how long a model may have something to do and not get anywhere, in milliseconds. */
  constructor(registry: Pick<ModelRegistry, 'loaded'>, limit: number) {
    this.#registry = registry;
    this.#limit = limit;
  }

  /** A request came to its end. @param now milliseconds of a clock that never goes back. */
  succeeded(model: Model, now: number): void {
    const watched = this.#of(model, now);
    watched.failures = 0;
    watched.broken = false;
    watched.sound = true;
  }

  /**
   * A request ended because the model gave numbers that are not finite.
   *
   * @returns whether this is news.
   */
  broke(model: Model): boolean {
    const watched = this.#of(model, 0);
    const isNews = !watched.broken;
    watched.broken = true;
    return isNews;
  }

  /**
   * Tells whether a model's numbers were not finite when it last gave any.
   *
   * @returns `sometimes` if it has answered other requests since it was loaded, so that one client's text
   * cannot take it away from all others, else `always`; `no` for a model that is not loaded.
   */
  broken(model: Model | undefined): 'no' | 'sometimes' | 'always' {
    const watched = model && this.#watched.get(model);
    if (!watched?.broken) return 'no';
    return watched.sound ? 'sometimes' : 'always';
  }

  /** A request ended because the runtime failed. */
  failed(model: Model, now: number): void {
    const watched = this.#of(model, now);
    if (watched.failures++ === 0) watched.firstFailure = now;
    watched.lastFailure = now;
  }

  /**
   * What is wrong, for people; undefined where nothing is. To be asked now and then: it compares with what it
   * saw the last times.
   */
  fault(now: number): string | undefined {
    for (const model of this.#registry.loaded()) {
      const watched = this.#of(model, now);
      const { failures, firstFailure, lastFailure } = watched;
      if (failures >= FAILURES && lastFailure - firstFailure >= FAILING_FOR)
        return `the last ${failures} requests to ${model.id} have failed`;
      const progress = progressOf(model);
      if (progress === undefined || progress !== watched.progress) {
        watched.progress = progress ?? '';
        watched.since = now;
      } else if (now - watched.since > this.#limit) {
        return `${model.id} has not got anywhere for ${Math.round((now - watched.since) / 1000)} seconds`;
      }
    }
    return undefined;
  }

  #of(model: Model, now: number): Watched {
    let watched = this.#watched.get(model);
    if (watched === undefined) {
      watched = {
        progress: '',
        since: now,
        failures: 0,
        firstFailure: 0,
        lastFailure: 0,
        broken: false,
        sound: false,
      };
      this.#watched.set(model, watched);
    }
    return watched;
  }
}

/**
 * Counts that change whenever a run ends or a request comes or goes; undefined for a model with nothing to
 * do.
 */
function progressOf(model: Model): string | undefined {
  const { engine, encoder, tensors } = model.stats();
  const parts = [engine, encoder, tensors].filter(part => part !== undefined);
  if (parts.every(({ running, waiting }) => running === 0 && waiting === 0)) return undefined;
  return parts.flatMap(part => Object.values<number>({ ...part })).join();
}
