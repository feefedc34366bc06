interface Link<K, V> {
  readonly key: K;
  readonly value: V;
  before: Link<K, V> | undefined;
  after: Link<K, V> | undefined;
}

/**
 * Entries by key, in the order in which they were added. The first one, and any one by its key, is found and
 * taken out in the same time however many there are or were: a `Map` looks at what was deleted before its
 * first entry again and again.
 */
export class Ring<K, V> {
  readonly #links = new Map<K, Link<K, V>>();
  #first: Link<K, V> | undefined;
  #last: Link<K, V> | undefined;

  get size(): number {
    return this.#links.size;
  }

  get first(): V | undefined {
    return this.#first?.value;
  }

  get(key: K): V | undefined {
    return this.#links.get(key)?.value;
  }

  /** Adds an entry behind the others; its key must be new. */
  add(key: K, value: V): void {
    const link = { key, value, before: undefined, after: undefined };
    this.#links.set(key, link);
    this.#append(link);
  }

  /** @returns whether it was there. */
  delete(key: K): boolean {
    const link = this.#links.get(key);
    if (link === undefined) return false;
    this.#links.delete(key);
    this.#detach(link);
    return true;
  }

  /** Takes out the first entry. */
  shift(): V | undefined {
    const first = this.#first;
    if (first !== undefined) this.delete(first.key);
    return first?.value;
  }

  /** Puts the first entry behind the others. */
  rotate(): void {
    const first = this.#first;
    if (first === undefined) return;
    this.#detach(first);
    this.#append(first);
  }

  *[Symbol.iterator](): Generator<V, void, undefined> {
    for (let link = this.#first; link !== undefined; link = link.after) yield link.value;
  }

  #append(link: Link<K, V>): void {
    link.before = this.#last;
    link.after = undefined;
    if (this.#last === undefined) this.#first = link;
    else this.#last.after = link;
    this.#last = link;
  }

  #detach({ before, after }: Link<K, V>): void {
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
  }
}
