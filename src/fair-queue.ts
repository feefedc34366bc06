/**
 * A waiting line in which clients take turns (round robin), however many items each has in it: whoever comes with one item waits for one turn
 * of each other client at most. Items of one client keep their order.
 */
export class FairQueue<T> {
  /** By client; the one whose turn is next stands first. No list is empty. */
  readonly #lines = new Map<string, T[]>();
  #size = 0;

  /** Items that wait. */
  get size(): number {
    return this.#size;
  }

  push(client: string, item: T): void {
    const line = this.#lines.get(client);
    if (line === undefined) this.#lines.set(client, [item]);
    else line.push(item);
    this.#size++;
  }

  /** Takes the next item out; undefined when nothing waits. */
  shift(): T | undefined {
    const [next] = this.#lines;
    if (next === undefined) return undefined;
    const [client, line] = next;
    const item = line.shift();
    this.#lines.delete(client);
    if (line.length > 0) this.#lines.set(client, line);
    this.#size--;
    return item;
  }

  /** Takes an item out that will not be waited for. */
  remove(client: string, item: T): void {
    const line = this.#lines.get(client) ?? [];
    const index = line.indexOf(item);
    if (index < 0) return;
    line.splice(index, 1);
    if (line.length === 0) this.#lines.delete(client);
    this.#size--;
  }
}
