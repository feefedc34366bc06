/** Resolves when the condition holds; rejects after a minute and a half, which is long even where a busy machine starts a process. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 90_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition never held');
    await new Promise(resolve => setTimeout(resolve, 2));
  }
}
