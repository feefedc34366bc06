import { CallReader } from '../output.js';
import { Balance } from './balance.js';
import type { Head } from './bodies.js';
import { FORMATS, type BodyForm, type CallFormat, type FormatName } from './format.js';
import type { WrittenCall } from './written-call.js';

/** Calls, and how a template wrote them into a message of the assistant. */
export interface WrittenExample {
  readonly text: string;
  readonly calls: readonly WrittenCall[];
  /** The same message with a word in place of the calls, and what is around it. */
  readonly plain: string;
}

/**
 * Finds how a template writes calls: the known format in which one is read back from its own text, or a
 * format made of what stands around it.
 *
 * @param one a message with one call.
 * @param two one with two calls, if the template takes them.
 * @param likely the format that is taken where several fit.
 * @returns undefined where the calls cannot be found in the text.
 */
export function learnFormat(
  one: WrittenExample,
  two?: WrittenExample,
  likely?: FormatName,
): FormatName | CallFormat | undefined {
  const names = Object.keys(FORMATS) as FormatName[];
  if (likely !== undefined) names.unshift(likely);
  const known = names
    .map(name => ({ name, rest: restLength(FORMATS[name], one) }))
    .sort((a, b) => a.rest - b.rest)[0]!;
  if (known.rest === 0) return known.name;
  return enclosed(one) ?? headed(one, two) ?? tagged(one) ?? (known.rest < Infinity ? known.name : undefined);
}

/** The text before and after calls, where they are read back as they were; undefined where they are not. */
function restAround(
  format: CallFormat,
  { text, calls }: WrittenExample,
): { readonly before: string; readonly after: string } | undefined {
  const reader = new CallReader(format);
  const parts = [...reader.push(text), ...reader.end()];
  const read: { name: string; arguments: string }[] = [];
  const rest = { before: '', after: '' };
  for (const part of parts) {
    if (part.type === 'text') rest[read.length === 0 ? 'before' : 'after'] += part.text;
    else if (part.type === 'call') read[part.index] = { name: part.name, arguments: '' };
    else read[part.index]!.arguments += part.text;
  }
  return read.length === calls.length && calls.every((call, i) => isSame(call, read[i]!)) ? rest : undefined;
}

/** Characters around calls, white space left out; infinite where the calls are not read back. */
function restLength(format: CallFormat, example: WrittenExample): number {
  const rest = restAround(format, example);
  return rest === undefined ? Infinity : rest.before.trim().length + rest.after.trim().length;
}

function isSame(a: WrittenCall, b: WrittenCall): boolean {
  return a.name === b.name && canonical(a.arguments) === canonical(b.arguments);
}

function canonical(json: string): string {
  const members = Object.entries(JSON.parse(json) as Record<string, unknown>);
  return JSON.stringify(members.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Calls in a known form behind a marker of the template's own. */
function enclosed(example: WrittenExample): CallFormat | undefined {
  const { text, calls, plain } = example;
  const name = text.indexOf(calls[0]!.name);
  const forms: readonly BodyForm[] = Object.values(FORMATS).flatMap(({ forms }) => [...forms]);
  for (let from = 1; from <= name; from++) {
    if (from < name && !/[{[<]/.test(text[from]!)) continue;
    const before = text.slice(0, from).trim();
    if (before === '') continue;
    // What stands before the last tag may be another part of the message, such as thoughts.
    const marker = lastTag(before, plain);
    const format: CallFormat = { markers: [marker], closers: [], forms };
    const rest = restAround(format, example);
    if (rest !== undefined) return { ...format, closers: [rest.after.trim()].filter(word => word !== '') };
  }
  return undefined;
}

function lastTag(before: string, plain: string): string {
  const tag = /(?:<[^<>]+>|\[[A-Z_]+\])$/.exec(before)?.[0];
  return tag === undefined || plain.includes(tag) ? before : tag;
}

/** Calls whose name and arguments stand in tags. */
function tagged(example: WrittenExample): CallFormat | undefined {
  const { text, calls, plain } = example;
  const { name, arguments: json } = calls[0]!;
  const gaps: string[] = [];
  let at = 0;
  for (const word of [name, ...Object.entries(JSON.parse(json) as Record<string, string>).flat()]) {
    const start = text.indexOf(word, at);
    if (start < 0) return undefined;
    gaps.push(text.slice(at, start));
    at = start + word.length;
  }
  const [before, first, keyed, second] = gaps as [string, string, string, string];
  const shared = commonEnd(first, second);
  const parameter = shared.slice(Math.max(shared.lastIndexOf('<'), 0));
  const ended = second.slice(0, second.length - parameter.length).trim();
  const after = text.slice(at).trim();
  if (parameter === '' || ended === '' || !after.startsWith(ended)) return undefined;
  const rest = after.slice(ended.length).trim();
  const close = /^<[^<>]*>/.exec(rest)?.[0];
  if (close === undefined) return undefined;
  const open = /<[^<>]*$/.exec(before)?.[0] ?? '';
  const announced = before.slice(0, before.length - open.length).trim();
  const named = first.slice(0, first.length - parameter.length).trim();
  const format: CallFormat = {
    markers: announced === '' ? [] : [lastTag(announced, plain)],
    openings: open === '' ? [] : [open],
    closers: [rest.slice(close.length).trim()].filter(word => word !== ''),
    forms: [{ type: 'tags', tags: { open, named, parameter, keyed: keyed.trim(), ended, close } }],
  };
  return restLength(format, example) < Infinity ? format : undefined;
}

/** Calls whose name stands before an object. */
function headed(one: WrittenExample, two: WrittenExample | undefined): CallFormat | undefined {
  const [first] = placesOf(one);
  if (first === undefined || first.before.trim() === '') return undefined;
  const head: Head = {
    whole: new RegExp(`^(?<name>[^\\s{}"'<>()]+?)\\s*${numbered(first.between.trim())}\\s*$`, 'u'),
  };
  const [, second] = two === undefined ? [] : placesOf(two);
  const again = second === undefined ? '' : commonEnd(second.before, first.before);
  const markers = [...new Set([first.before.trim(), again.trim()])].filter(marker => marker !== '');
  const between = second?.before.slice(0, second.before.length - again.length).trim();
  const closers = [...new Set([between ?? '', first.after.trim(), second?.after.trim() ?? ''])];
  const format: CallFormat = {
    markers,
    closers: closers.map(closer => remainder(closer, closers)).filter(closer => closer !== ''),
    forms: [{ type: 'named', head }],
  };
  const examples = two === undefined ? [one] : [one, two];
  return examples.every(example => restLength(format, example) === 0) ? format : undefined;
}

/** What stands before each call's name, between it and the arguments, and after them. */
function placesOf({ text, calls }: WrittenExample): { before: string; between: string; after: string }[] {
  const places: { before: string; between: string; after: string }[] = [];
  let at = 0;
  for (const { name } of calls) {
    const start = text.indexOf(name, at);
    const brace = start < 0 ? -1 : text.indexOf('{', start + name.length);
    const length = brace < 0 ? undefined : new Balance().end(text.slice(brace));
    if (length === undefined || length < 0) return [];
    places.push({
      before: text.slice(at, start),
      between: text.slice(start + name.length, brace),
      after: text.slice(brace + length),
    });
    at = brace + length;
  }
  return places;
}

/** What is left of a word without another one at its beginning. */
function remainder(word: string, others: readonly string[]): string {
  const first = others.find(other => other !== '' && other !== word && word.startsWith(other));
  return first === undefined ? word : word.slice(first.length).trim();
}

function commonEnd(a: string, b: string): string {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a.at(-1 - length) === b.at(-1 - length)) length++;
  return a.slice(a.length - length);
}

/** A regular expression for a text, with any number where it has one. */
function numbered(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replace(/\d+/g, '\\d+');
}
