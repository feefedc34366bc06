/** What the scheduler must know of an input. */
export interface Batchable {
  /** Tokens. */
  readonly length: number;
  /** The request that it is part of; a client's requests take turns. */
  readonly owner: object;
  /** Whose request that is; clients take turns. */
  readonly client: string;
  /** Inputs of different kinds, such as texts and pictures of a size, never run together. */
  readonly kind: string;
}

export interface BatchOptions {
  /** Most tokens of a batch, padding included. A longer input runs alone. */
  readonly maxTokens: number;
  /** Share of a batch, in `[0, 1)`, that may be padding. */
  readonly maxPadding: number;
  /** Batches of no more tokens than this, padding included, may have any share of padding: one more run would cost more. */
  readonly smallBatch: number;
}

/**
 * Decides which inputs run together. Pure bookkeeping.
 *
 * Every batch is made around one input, so nothing waits for ever: of the client that has gone longest without an input in a batch, the
 * request of which this is true. It is filled up with those inputs of its kind that come nearest in length, of whatever request, which keeps
 * padding low.
 */
export class BatchScheduler<T extends Batchable> {
  readonly #options: BatchOptions;
  /** Everything that waits, by kind, of each by length; of equal lengths the oldest first. None of the lists is empty. */
  readonly #byLength = new Map<string, T[]>();
  #waiting = 0;
  /** The same by client and request; those that have gone longest without a batch come first. */
  readonly #byClient = new Map<string, Map<object, Set<T>>>();

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  /** Inputs that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  add(inputs: readonly T[]): void {
    for (const input of inputs) {
      const requests = this.#byClient.get(input.client) ?? new Map<object, Set<T>>();
      this.#byClient.set(input.client, requests);
      const siblings = requests.get(input.owner);
      if (siblings === undefined) requests.set(input.owner, new Set([input]));
      else siblings.add(input);
    }
    for (const kind of new Set(inputs.map(input => input.kind))) {
      const own = [...(this.#byLength.get(kind) ?? []), ...inputs.filter(input => input.kind === kind)];
      // The sort is stable, and quick on what is sorted already.
      this.#keep(
        kind,
        own.sort((a, b) => a.length - b.length),
      );
    }
  }

  /** Takes out what waits of a request. */
  remove(owner: object): void {
    for (const [client, requests] of this.#byClient) {
      if (!requests.delete(owner)) continue;
      if (requests.size === 0) this.#byClient.delete(client);
      for (const [kind, waiting] of this.#byLength)
        this.#keep(
          kind,
          waiting.filter(input => input.owner !== owner),
        );
    }
  }

  /** Takes out the next batch; empty when nothing waits. */
  next(): T[] {
    const [requests] = this.#byClient.values();
    if (requests === undefined) return [];
    const [[anchor] = []] = requests.values();
    const { kind } = anchor!;
    const waiting = this.#byLength.get(kind)!;
    const { begin, end } = this.#rangeAround(waiting, waiting.indexOf(anchor!));
    const batch = waiting.slice(begin, end);
    this.#keep(kind, [...waiting.slice(0, begin), ...waiting.slice(end)]);
    for (const input of batch) {
      const others = this.#byClient.get(input.client)!;
      const siblings = others.get(input.owner)!;
      siblings.delete(input);
      others.delete(input.owner);
      if (siblings.size > 0) others.set(input.owner, siblings);
      this.#byClient.delete(input.client);
      if (others.size > 0) this.#byClient.set(input.client, others);
    }
    return batch;
  }

  /** Sets what waits of a kind. */
  #keep(kind: string, waiting: T[]): void {
    this.#waiting += waiting.length - (this.#byLength.get(kind)?.length ?? 0);
    if (waiting.length > 0) this.#byLength.set(kind, waiting);
    else this.#byLength.delete(kind);
  }

  /** Widens the range of lengths around an input, on the side that adds less padding, as long as the batch allows it. */
  #rangeAround(waiting: readonly T[], anchor: number): { readonly begin: number; readonly end: number } {
    let [begin, end] = [anchor, anchor + 1];
    let tokens = waiting[anchor]!.length;
    for (;;) {
      const size = end - begin + 1;
      const [shorter, longer] = [waiting[begin - 1], waiting[end]];
      const longest = waiting[end - 1]!.length;
      const paddedDown = shorter && this.#padding(longest * size, tokens + shorter.length);
      const paddedUp = longer && this.#padding(longer.length * size, tokens + longer.length);
      if (paddedDown !== undefined && (paddedUp === undefined || paddedDown <= paddedUp)) {
        tokens += shorter!.length;
        begin--;
      } else if (paddedUp !== undefined) {
        tokens += longer!.length;
        end++;
      } else return { begin, end };
    }
  }

  /** Share of padding; undefined where the batch would not be allowed. */
  #padding(padded: number, tokens: number): number | undefined {
    const { maxTokens, maxPadding, smallBatch } = this.#options;
    const share = 1 - tokens / padded;
    return padded <= maxTokens && (share <= maxPadding || padded <= smallBatch) ? share : undefined;
  }
}
