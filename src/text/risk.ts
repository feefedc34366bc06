/** How many times longer the rules of a harmless tokenizer may make a text, all together. */
const MOST_GROWTH = 64;

/** Most parts of a pattern that may be there or not: each may double the ways to match. */
const MOST_OPTIONAL = 8;

/**
 * Alternatives with two repetitions, in the patterns of Llama 3, Qwen 2 and 3.5, DeepSeek, Tekken and o200k: there is hardly
 * a text that both could take, so that they take linear time.
 */
const KNOWN: ReadonlySet<string> = new Set([
  String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`,
  String.raw` ?[^\s\p{L}\p{N}]++[\r\n]*`,
  String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`,
  String.raw` ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*`,
  String.raw` ?[\p{P}\p{S}]+[\r\n]*`,
  String.raw`\s*[\r\n]+`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
]);

/**
 * Whether a tokenizer's own rules may take for ever on a short text, or make a long one of it: by regular
 * expressions for which V8 may take more than quadratic time, or by replacements. A tokenizer.json is a
 * stranger's program; those in use do neither.
 *
 * @param definition the parsed contents of tokenizer.json.
 */
export function mayExplode(definition: unknown): boolean {
  let growth = 1;
  for (const { type, pattern, content, prepend, Regex } of rules(definition)) {
    if (typeof Regex === 'string' && mayTakeForEver(Regex)) return true;
    if (type === 'Prepend' && typeof prepend === 'string') growth *= 1 + prepend.length;
    // A regular expression may find something between any two characters.
    const between = 'Regex' in (Object(pattern) as object) ? 1 : 0;
    if (type === 'Replace' && typeof content === 'string') growth *= Math.max(1, between + content.length);
    if (growth > MOST_GROWTH) return true;
  }
  return false;
}

/** All objects but the vocabulary, which has no rules, and most of the file's size. */
function* rules(definition: unknown): Generator<Readonly<Record<string, unknown>>> {
  if (typeof definition !== 'object' || definition === null) return;
  if (!Array.isArray(definition)) yield definition as Record<string, unknown>;
  for (const [name, value] of Object.entries(definition))
    if (name !== 'vocab' && name !== 'merges') yield* rules(value);
}

/**
 * What can be repeated or left out in a group, in the alternative that is being read and in the worst one.
 */
interface Group {
  readonly start: number;
  repeated: number;
  optional: number;
  mostRepeated: number;
  mostOptional: number;
  alternatives: number;
}

/**
 * Whether a pattern has one of the shapes that may take more than quadratic time: a repeated group in which
 * something is repeated, left out or chosen; an alternative with two repetitions, unless it is known; many
 * parts that may be left out. Patterns without them are harmless; those with them may be.
 */
export function mayTakeForEver(pattern: string): boolean {
  const open: Group[] = [groupAt(0)];
  for (let i = 0; i < pattern.length; i++) {
    const group = open.at(-1)!;
    const character = pattern[i]!;
    if (character === '(') {
      open.push(groupAt(i));
      // What follows is no quantifier.
      if (pattern[i + 1] === '?') i++;
      continue;
    }
    if (character === '|') {
      if (open.length === 1 && isRisky(group, pattern.slice(group.start, i))) return true;
      endAlternative(group);
      if (open.length === 1) open[0] = groupAt(i + 1);
      continue;
    }
    if (character === '\\') i++;
    else if (character === '[') i = endOfClass(pattern, i);
    const { kind, length } = quantifierAt(pattern, i + 1);
    i += length;
    if (character === ')' && open.length > 1) {
      open.pop();
      endAlternative(group);
      const inner = group.mostRepeated + group.mostOptional;
      if (kind === 'repeated' && (inner > 0 || group.alternatives > 1)) return true;
      open.at(-1)!.repeated += group.mostRepeated;
      open.at(-1)!.optional += group.mostOptional;
    }
    if (kind !== undefined) open.at(-1)![kind]++;
  }
  return isRisky(open[0]!, pattern.slice(open[0]!.start));
}

function groupAt(start: number): Group {
  return { start, repeated: 0, optional: 0, mostRepeated: 0, mostOptional: 0, alternatives: 0 };
}

function endAlternative(group: Group): void {
  group.mostRepeated = Math.max(group.mostRepeated, group.repeated);
  group.mostOptional = Math.max(group.mostOptional, group.optional);
  group.alternatives++;
  group.repeated = group.optional = 0;
}

function isRisky({ repeated, optional }: Group, alternative: string): boolean {
  return optional > MOST_OPTIONAL || (repeated > 1 && !KNOWN.has(alternative));
}

const QUANTIFIER = /(?:[*+?]|\{(\d+)(,?)(\d*)\})[+?]?/y;

/** Whether what stands before a place is repeated without a bound, or often; or may be left out. */
function quantifierAt(
  pattern: string,
  place: number,
): { readonly kind?: 'repeated' | 'optional'; readonly length: number } {
  QUANTIFIER.lastIndex = place;
  const [text, least, comma, most] = QUANTIFIER.exec(pattern) ?? [];
  if (text === undefined) return { length: 0 };
  const { length } = text;
  if (least === undefined) return { kind: text.startsWith('?') ? 'optional' : 'repeated', length };
  if ((comma === ',' && most === '') || Number(most || least) > 8) return { kind: 'repeated', length };
  return { length };
}

/** The place of the bracket that ends a class. */
function endOfClass(pattern: string, start: number): number {
  for (let i = start + 1; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === ']' && i > start + 1) return i;
  }
  return pattern.length;
}
