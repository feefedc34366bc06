/**
 * Does several pieces of work at once, and hands over what comes of them in their order.
 *
 * @param atOnce how many are under way or wait to be handed over, at least 1
 * @throws what the first of them throws whose turn it is; what becomes of the others is not waited for.
 */
export async function* inOrder<T>(
  work: readonly (() => Promise<T>)[],
  atOnce: number,
): AsyncGenerator<T, void, undefined> {
  const started: Promise<T>[] = [];
  for (let index = 0; index < work.length; index++) {
    while (started.length < Math.min(work.length, index + atOnce)) {
      const promise = work[started.length]!();
      // One that fails is heard when its turn comes, or not at all.
      promise.catch(() => undefined);
      started.push(promise);
    }
    yield await started[index]!;
  }
}
