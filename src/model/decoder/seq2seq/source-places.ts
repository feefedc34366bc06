/** What a slot has that has no place. */
const NONE = -1;

/**
 * Which place of the memory each slot's source is in. Slots with the same source share a place, so that copies and
 * changes of slots move no memory. There are as many places as slots, so a slot always finds one. Pure bookkeeping.
 *
 * Runs read all places between their first and last: {@link take} chooses with that in mind.
 */
export class SourcePlaces {
  readonly #places: Int32Array;
  /** Of each place, the slots that have it. */
  readonly #holders: Int32Array;

  constructor(slots: number) {
    this.#places = new Int32Array(slots).fill(NONE);
    this.#holders = new Int32Array(slots);
  }

  /** The place of a slot's source; undefined where it has none. */
  of(slot: number): number | undefined {
    const place = this.#places[slot]!;
    return place === NONE ? undefined : place;
  }

  isFree(place: number): boolean {
    return this.#holders[place] === 0;
  }

  /**
   * Gives a slot a place that no other slot has: its own where it shares it with none, else the free one that
   * `distanceOf` makes the nearest.
   */
  take(slot: number, distanceOf: (place: number) => number): number {
    const own = this.#places[slot]!;
    if (own !== NONE && this.#holders[own] === 1) return own;
    this.release(slot);
    let nearest = NONE;
    for (let place = 0; place < this.#holders.length; place++)
      if (this.isFree(place) && (nearest === NONE || distanceOf(place) < distanceOf(nearest)))
        nearest = place;
    this.#set(slot, nearest);
    return nearest;
  }

  /** Lets a slot share another's place. */
  share(from: number, to: number): void {
    if (from === to) return;
    this.release(to);
    const place = this.#places[from]!;
    if (place !== NONE) this.#set(to, place);
  }

  /** Exchanges the places of two slots. */
  exchange(a: number, b: number): void {
    const place = this.#places[a]!;
    this.#places[a] = this.#places[b]!;
    this.#places[b] = place;
  }

  /** Takes its place from a slot. */
  release(slot: number): void {
    const place = this.#places[slot]!;
    if (place === NONE) return;
    this.#holders[place]!--;
    this.#places[slot] = NONE;
  }

  /** Notes that what was in two places changed places. */
  exchangePlaces(a: number, b: number): void {
    for (let slot = 0; slot < this.#places.length; slot++) {
      const place = this.#places[slot];
      if (place === a) this.#places[slot] = b;
      else if (place === b) this.#places[slot] = a;
    }
    const held = this.#holders[a]!;
    this.#holders[a] = this.#holders[b]!;
    this.#holders[b] = held;
  }

  #set(slot: number, place: number): void {
    this.#places[slot] = place;
    this.#holders[place]!++;
  }
}
