import { network } from './addresses.js';

const MINUTE = 60_000;

/** Most addresses, and pairs of addresses and keys, that are remembered. */
const MOST = 100_000;

/**
 * Slows down those who try out keys. Whoever has sent too many wrong ones in a minute is refused until it is
 * over, also with a right one, or he could go on; but keys that came from the same address before go on to
 * work, since many clients may be behind one proxy.
 */
export class WrongKeys {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();
  readonly #known = new Set<string>();
  #minute = 0;

  /** @param limit wrong keys in a minute from one address; of IPv6, from one network of 64 bits. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @param key what was made of it by `ApiKeys.find`; undefined for a wrong one.
   * @param now milliseconds of a clock that never goes back.
   * @returns seconds until this address may try again; undefined where the answer is the key's own.
   */
  wait(address: string, key: string | undefined, now: number): number | undefined {
    const minute = Math.floor(now / MINUTE);
    if (minute !== this.#minute) this.#counts.clear();
    this.#minute = minute;
    const from = network(address);
    const count = this.#counts.get(from) ?? 0;
    const pair = `${from} ${key ?? ''}`;
    if (count >= this.#limit && !this.#known.has(pair))
      return Math.ceil(((minute + 1) * MINUTE - now) / 1000);
    if (key === undefined) {
      if (this.#counts.size < MOST || count > 0) this.#counts.set(from, count + 1);
    } else if (!this.#known.has(pair)) {
      if (this.#known.size >= MOST) this.#known.clear();
      this.#known.add(pair);
    }
    return undefined;
  }
}
