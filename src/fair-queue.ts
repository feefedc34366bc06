import { Ring } from '#ring.js';

/** Who waits, from the outermost party to the innermost: a client, say, and one of its requests. */
export type Party = readonly unknown[];

/** The members of a party, each with what waits of it, or else the items of one without members. */
interface Lane<T> {
  readonly members: Ring<unknown, Lane<T>>;
  readonly items: Ring<T, T>;
  /** Turns that it has had in advance, and sits out. */
  debt: number;
}

/** What is known of an item that waits. */
interface Waiting {
  readonly party: Party;
  readonly turns: number;
}

/**
 * A waiting line in which clients take turns (round robin), however many items each has in it: whoever comes
 * with one item waits for one turn of each other client at most. Within a client's turns its own parties,
 * such as its requests, take turns, and so on; items of one innermost party keep their order. An item may take
 * several turns, which its parties then sit out as long as any of them waits. All calls cost the same however
 * many items wait.
 */
export class FairQueue<T> {
  /** The member whose turn is next stands first. No lane within it is empty. */
  readonly #root = emptyLane<T>();
  readonly #waiting = new Map<T, Waiting>();

  /** Items that wait. */
  get size(): number {
    return this.#waiting.size;
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
   * @param turns how many it takes, at least 1.
   */
  push(party: Party, item: T, turns = 1): void {
    this.#waiting.set(item, { party, turns });
    let lane = this.#root;
    for (const name of party) {
      let member = lane.members.get(name);
      if (member === undefined) lane.members.add(name, (member = emptyLane<T>()));
      sitOut(lane.members);
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

  /** All items in the order in which they would be taken out if each took one turn, as far as it is known now. */
  [Symbol.iterator](): Generator<T, void, undefined> {
    return inTurns(this.#root);
  }

  #takeOut(item: T, isTurn: boolean): boolean {
    const waiting = this.#waiting.get(item);
    if (waiting === undefined) return false;
    this.#waiting.delete(item);
    const { party, turns } = waiting;
    const lanes = [this.#root];
    for (const name of party) lanes.push(lanes.at(-1)!.members.get(name)!);
    lanes.at(-1)!.items.delete(item);
    for (let depth = party.length; depth > 0; depth--) {
      const { members } = lanes[depth - 1]!;
      if (lanes[depth]!.items.size + lanes[depth]!.members.size === 0) members.delete(party[depth - 1]);
      else if (isTurn) {
        lanes[depth]!.debt += turns - 1;
        members.rotate();
      }
      sitOut(members);
    }
    return true;
  }
}

function emptyLane<T>(): Lane<T> {
  return { members: new Ring(), items: new Ring(), debt: 0 };
}

/** Passes over members that have had turns in advance, while there are others. */
function sitOut<T>(members: Ring<unknown, Lane<T>>): void {
  for (let next = members.first; members.size > 1 && next!.debt > 0; next = members.first) {
    next!.debt--;
    members.rotate();
  }
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
