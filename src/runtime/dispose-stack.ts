/**
 * Resources of one owner, disposed in reverse order, as by ECMAScript's `DisposableStack`, which Node.js 20
 * does not have.
 */
export class DisposeStack {
  readonly #owned: { dispose(): void }[] = [];

  /** @returns what it is given. */
  use<T extends { dispose(): void }>(owned: T): T {
    this.#owned.push(owned);
    return owned;
  }

  dispose(): void {
    for (let owned = this.#owned.pop(); owned !== undefined; owned = this.#owned.pop()) owned.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
