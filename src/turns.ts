import { setImmediate as nextTurn } from 'node:timers/promises';

/** Milliseconds that the work of one request may keep the event loop to itself. */
const TURN = 10;

/** Long work on the event loop, in turns with what else waits for it: `if (turns.isOver) await turns.next()`. */
export class Turns {
  #since = performance.now();

  get isOver(): boolean {
    return performance.now() - this.#since >= TURN;
  }

  /** Lets others have their turn. */
  async next(): Promise<void> {
    await nextTurn();
    this.#since = performance.now();
  }

  /** Begins a turn, where something else was waited for. */
  restart(): void {
    this.#since = performance.now();
  }
}

/** `items.map(work)`, in turns. */
export async function mapInTurns<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => R,
): Promise<R[]> {
  const turns = new Turns();
  const results: R[] = [];
  for (const [index, item] of items.entries()) {
    results.push(work(item, index));
    if (turns.isOver) await turns.next();
  }
  return results;
}
