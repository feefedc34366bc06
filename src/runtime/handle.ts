import { KvasirError } from '../errors.js';
import { ortApi, type OrtFunctions, type Pointer } from './api.js';

type ReleaseFunction = Extract<keyof OrtFunctions, `Release${string}`>;

/** Owner of one native object. Released by `dispose()` or at the end of a `using` block; a second time does nothing. */
export abstract class Handle implements Disposable {
  #pointer: Pointer | null;
  readonly #release: ReleaseFunction;

  protected constructor(pointer: Pointer, release: ReleaseFunction) {
    this.#pointer = pointer;
    this.#release = release;
  }

  /** @throws KvasirError `runtime_failure` after `dispose()`: a native object must not be used after it was freed. */
  get pointer(): Pointer {
    if (this.#pointer === null) {
      throw new KvasirError('runtime_failure', `${this.constructor.name} was used after it was disposed`);
    }
    return this.#pointer;
  }

  get disposed(): boolean {
    return this.#pointer === null;
  }

  dispose(): void {
    if (this.#pointer === null) return;
    ortApi().functions[this.#release](this.#pointer);
    this.#pointer = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
