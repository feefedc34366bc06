/**
 * Places in a waiting line. While some are free, anybody may take them. Where all are taken, a client gets up
 * to an equal share of them all the same, so that nobody can keep the others out: of n clients that come one
 * after the other, the last one still gets a share of 1/n, and all together hold no more than
 * 1 + 1/2 + ... + 1/n times as many places as there are.
 */
export class Places {
  /** How many there are. */
  readonly total: number;
  readonly #held = new Map<string, number>();
  #taken = 0;

  constructor(total: number) {
    this.total = total;
  }

  /** How many are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether a client may take so many. */
  has(client: string, count: number): boolean {
    if (this.#taken + count <= this.total) return true;
    const held = this.#held.get(client);
    const clients = this.#held.size + (held === undefined ? 1 : 0);
    return (held ?? 0) + count <= this.total / clients;
  }

  /** Takes places, whether or not there are as many. */
  take(client: string, count: number): void {
    this.#taken += count;
    this.#held.set(client, (this.#held.get(client) ?? 0) + count);
  }

  /** Gives back places that a client holds. */
  free(client: string, count: number): void {
    this.#taken -= count;
    const held = (this.#held.get(client) ?? 0) - count;
    if (held > 0) this.#held.set(client, held);
    else this.#held.delete(client);
  }
}
