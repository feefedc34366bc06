/** The way from the engine to whoever waits for one result. */
export class Outcome<T> {
  readonly result: Promise<T>;
  #resolve!: (value: T) => void;
  #reject!: (error: Error) => void;
  #ended = false;
  /** Called once, when it ends. */
  onEnd: (() => void) | undefined;

  constructor() {
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Hands over the result, unless it has ended. */
  complete(value: T): void {
    this.#end(() => this.#resolve(value));
  }

  /** There will be no result. */
  end(error: Error): void {
    this.#end(() => this.#reject(error));
  }

  #end(settle: () => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd?.();
    settle();
  }
}
