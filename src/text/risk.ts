/** Longest text that a harmless replacement puts in the place of what it finds, such as `▁`. */
const LONGEST_REPLACEMENT = 16;

/**
 * Whether a tokenizer's own rules may take for ever on a short text, or make a long one of it: a regular
 * expression with a repetition within a repetition, such as `(a+)+`, for which V8 may take exponential time,
 * or a replacement by a long text. A tokenizer.json is a stranger's program; those in use have neither.
 *
 * @param definition the parsed contents of tokenizer.json.
 */
export function mayExplode(definition: unknown): boolean {
  if (typeof definition !== 'object' || definition === null) return false;
  if (Array.isArray(definition)) return definition.some(mayExplode);
  const { type, content, prepend } = definition as Readonly<Record<string, unknown>>;
  if (type === 'Replace' && isLong(content)) return true;
  if (type === 'Prepend' && isLong(prepend)) return true;
  return Object.entries(definition).some(([name, value]) =>
    name === 'Regex' && typeof value === 'string'
      ? hasNestedRepetition(value)
      : // The vocabulary has no rules, and most of the file's size.
        name !== 'vocab' && name !== 'merges' && mayExplode(value),
  );
}

function isLong(value: unknown): boolean {
  return typeof value === 'string' && value.length > LONGEST_REPLACEMENT;
}

/** Whether a group that is repeated without a bound, or often, holds something that is repeated as well. */
export function hasNestedRepetition(pattern: string): boolean {
  /** For each open group, whether something in it is repeated. */
  const open: boolean[] = [false];
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!;
    if (character === '\\') i++;
    else if (character === '[') i = endOfClass(pattern, i);
    else if (character === '(') open.push(false);
    else if (character === ')' && open.length > 1) {
      const repeats = open.pop()!;
      const repeated = isRepetition(pattern, i + 1);
      if (repeats && repeated) return true;
      if (repeats) open[open.length - 1] = true;
    }
    if (character !== '(' && isRepetition(pattern, i + 1)) open[open.length - 1] = true;
  }
  return false;
}

/** Whether `*`, `+` or a `{n,m}` with more than a few stands at a place. */
function isRepetition(pattern: string, place: number): boolean {
  if (pattern[place] === '*' || pattern[place] === '+') return true;
  const [, least, comma, most] = /^\{(\d+)(,?)(\d*)\}/.exec(pattern.slice(place, place + 24)) ?? [];
  if (least === undefined) return false;
  return comma === ',' && most === '' ? true : Number(most || least) > 8;
}

/** The place of the bracket that ends a class. */
function endOfClass(pattern: string, start: number): number {
  for (let i = start + 1; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === ']' && i > start + 1) return i;
  }
  return pattern.length;
}
