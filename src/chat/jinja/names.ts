/** The names of all variables that occur in a part of a template, in whatever it holds. */
export function namesIn(body: object): ReadonlySet<string> {
  const names = new Set<string>();
  const pending: unknown[] = [body];
  while (pending.length > 0) {
    const node = pending.pop();
    if (typeof node !== 'object' || node === null) continue;
    const { kind, name } = node as { readonly kind?: unknown; readonly name?: unknown };
    if (kind === 'constant') continue;
    if (kind === 'name' && typeof name === 'string') names.add(name);
    else for (const child of Object.values(node) as unknown[]) pending.push(child);
  }
  return names;
}
