import { KvasirError } from '#errors.js';
import { ortApi, type OrtFunctions, type Pointer } from './api.js';

type ReleaseFunction = Extract<keyof OrtFunctions, `Release${string}`>;

/**
 * Owns one native object. `dispose()`, or the end of a `using` block, releases it; a second time does
 * nothing. Objects that it depends on cannot be disposed before it.
 */
export abstract class Handle implements Disposable {
  #pointer: Pointer | null;
  readonly #release: ReleaseFunction | ((pointer: Pointer) => void);
  #users = 0;
  readonly #held: readonly Disposable[];

  protected constructor(
    pointer: Pointer,
    release: ReleaseFunction | ((pointer: Pointer) => void),
    dependencies: readonly Handle[] = [],
  ) {
    this.#pointer = pointer;
    this.#release = release;
    this.#held = dependencies.map(dependency => dependency.hold());
  }

  /**
   * @throws KvasirError `runtime_failure` after `dispose()`: a native object must not be used after it was
   * freed.
   */
  get pointer(): Pointer {
    if (this.#pointer === null) {
      throw new KvasirError('runtime_failure', `${this.constructor.name} was used after it was disposed`);
    }
    return this.#pointer;
  }

  get disposed(): boolean {
    return this.#pointer === null;
  }

  /**
   * Protects the object from being disposed or collected until the returned hold is disposed.
   *
   * @throws KvasirError `runtime_failure` after `dispose()`
   */
  hold(): Disposable {
    void this.pointer;
    this.#users++;
    return { [Symbol.dispose]: () => void this.#users-- };
  }

  /**
   * @throws KvasirError `runtime_failure` while something uses it: a run, or another object that depends on
   * it.
   */
  dispose(): void {
    if (this.#pointer === null) return;
    if (this.#users > 0) {
      throw new KvasirError(
        'runtime_failure',
        `${this.constructor.name} cannot be disposed while it is in use`,
      );
    }
    const pointer = this.#pointer;
    this.#pointer = null;
    if (typeof this.#release === 'string') ortApi().functions[this.#release](pointer);
    else this.#release(pointer);
    for (const held of this.#held) held[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
