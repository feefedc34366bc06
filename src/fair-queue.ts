import { Ring } from '#ring.js';

/** Who waits, from the outermost party to the innermost: a client, say, and one of its requests. */
export type Party = readonly unknown[];

/** The members of a party, each with what waits of it, or else the items of one without members. */
interface Lane<T> {
  readonly members: Ring<unknown, Lane<T>>;
  readonly items: Ring<T, T>;
}

/**
 * A waiting line in which clients take turns (round robin), however many items each has in it: whoever comes
 * with one item waits for one turn of each other client at most. Within a client's turns its own parties,
 * such as its requests, take turns, and so on; items of one innermost party keep their order. All calls cost
 * the same however many items wait.
 */
export class FairQueue<T> {
  /** The member whose turn is next stands first. No lane within it is empty. */
  readonly #root = emptyLane<T>();
  readonly #parties = new Map<T, Party>();

  /** Items that wait. */
  get size(): number {
    return this.#parties.size;
  }

  /** The next item, which stays; undefined when nothing waits. */
  get first(): T | undefined {
    let lane = this.#root;
    while (lane.members.size > 0) lane = lane.members.first!;
    return lane.items.first;
  }

  /**
   * @param item one that does not wait yet.
   * @param party as long as everybody's, at least one name.
   */
  push(party: Party, item: T): void {
    this.#parties.set(item, party);
    let lane = this.#root;
    for (const name of party) {
      let member = lane.members.get(name);
      if (member === undefined) lane.members.add(name, (member = emptyLane<T>()));
      lane = member;
    }
    lane.items.add(item, item);
  }

  /** Takes the next item out; undefined when nothing waits. */
  shift(): T | undefined {
    const item = this.first;
    if (item !== undefined) this.#takeOut(item, true);
    return item;
  }

  /**
   * Takes an item out that will not be waited for; nobody loses a turn by it.
   *
   * @returns whether it waited.
   */
  remove(item: T): boolean {
    return this.#takeOut(item, false);
  }

  /** All items in the order in which they would be taken out, as far as it is known now. */
  [Symbol.iterator](): Generator<T, void, undefined> {
    return inTurns(this.#root);
  }

  #takeOut(item: T, isTurn: boolean): boolean {
    const party = this.#parties.get(item);
    if (party === undefined) return false;
    this.#parties.delete(item);
    const lanes = [this.#root];
    for (const name of party) lanes.push(lanes.at(-1)!.members.get(name)!);
    lanes.at(-1)!.items.delete(item);
    for (let depth = party.length; depth > 0; depth--) {
      const { members } = lanes[depth - 1]!;
      if (lanes[depth]!.items.size + lanes[depth]!.members.size === 0) members.delete(party[depth - 1]);
      else if (isTurn) members.rotate();
    }
    return true;
  }
}

function emptyLane<T>(): Lane<T> {
  return { members: new Ring(), items: new Ring() };
}

/** The items of a lane, as members take turns; no more is looked at than is asked for. */
function* inTurns<T>({ members, items }: Lane<T>): Generator<T, void, undefined> {
  yield* items;
  let round: Iterable<Generator<T, void, undefined>> = begun(members);
  for (let isOver = false; !isOver;) {
    const again: Generator<T, void, undefined>[] = [];
    for (const turns of round) {
      const { done, value } = turns.next();
      if (done) continue;
      yield value;
      again.push(turns);
    }
    round = again;
    isOver = again.length === 0;
  }
}

function* begun<T>(members: Iterable<Lane<T>>): Generator<Generator<T, void, undefined>> {
  for (const member of members) yield inTurns(member);
}
