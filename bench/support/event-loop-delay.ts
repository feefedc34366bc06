/** Watches how late timers come. (`monitorEventLoopDelay` reports nothing while the loop is blocked for long.) */
export class EventLoopDelay {
  static readonly #interval = 5;
  #delays: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    this.#delays = [];
    let expected = performance.now() + EventLoopDelay.#interval;
    const tick = (): void => {
      const now = performance.now();
      this.#delays.push(Math.max(0, now - expected));
      expected = now + EventLoopDelay.#interval;
      wait();
    };
    // Whoever is watched ends when it has nothing else to do.
    const wait = (): void => {
      this.#timer = setTimeout(tick, EventLoopDelay.#interval).unref();
    };
    wait();
  }

  /** @returns milliseconds of delay since the start, ascending. */
  stop(): number[] {
    clearTimeout(this.#timer);
    return this.#delays.sort((a, b) => a - b);
  }
}
