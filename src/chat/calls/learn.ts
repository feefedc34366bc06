import { CallReader } from '../output.js';
import { Balance } from './balance.js';
import type { Head } from './bodies.js';
import { FORMATS, type BodyForm, type CallFormat, type FormatName } from './format.js';
import type { WrittenCall } from './written-call.js';

/** Calls, and how a template wrote them into a message of the assistant. */
export interface WrittenExample {
  readonly text: string;
  readonly calls: readonly WrittenCall[];
}

/**
 * Finds how a template writes calls: the known format in which one is read back from its own text, or a
 * format made of what stands around it.
 *
 * @param one a message with one call.
 * @param two one with two calls, if the template takes them.
 * @returns undefined where the calls cannot be found in the text.
 */
export function learnFormat(one: WrittenExample, two?: WrittenExample): FormatName | CallFormat | undefined {
  const names = Object.keys(FORMATS) as FormatName[];
  const known = names
    .map(name => ({ name, rest: restAround(FORMATS[name], one) }))
    .filter(({ rest }) => rest !== undefined)
    .sort((a, b) => a.rest!.trim().length - b.rest!.trim().length)[0];
  if (known?.rest?.trim() === '') return known.name;
  return enclosed(one) ?? headed(one, two) ?? known?.name;
}

/** The text around calls, where they are read back as they were; undefined where they are not. */
function restAround(format: CallFormat, { text, calls }: WrittenExample): string | undefined {
  const reader = new CallReader(format);
  const parts = [...reader.push(text), ...reader.end()];
  const read: { name: string; arguments: string }[] = [];
  let rest = '';
  for (const part of parts) {
    if (part.type === 'text') rest += part.text;
    else if (part.type === 'call') read[part.index] = { name: part.name, arguments: '' };
    else read[part.index]!.arguments += part.text;
  }
  return read.length === calls.length && calls.every((call, i) => isSame(call, read[i]!)) ? rest : undefined;
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
  const { text, calls } = example;
  const name = text.indexOf(calls[0]!.name);
  const forms: readonly BodyForm[] = Object.values(FORMATS).flatMap(({ forms }) => [...forms]);
  for (let from = 1; from <= name; from++) {
    if (from < name && !/[{[<]/.test(text[from]!)) continue;
    const marker = text.slice(0, from).trim();
    if (marker === '') continue;
    const format: CallFormat = { markers: [marker], closers: [], forms };
    const rest = restAround(format, example)?.trim();
    if (rest !== undefined) return { ...format, closers: rest === '' ? [] : [rest] };
  }
  return undefined;
}

/** Calls whose name stands before an object. */
function headed(one: WrittenExample, two: WrittenExample | undefined): CallFormat | undefined {
  const [first] = placesOf(one);
  if (first === undefined || first.before.trim() === '') return undefined;
  const head: Head = {
    whole: new RegExp(`^(?<name>[^\\s{}"'<>()]+?)\\s*${escaped(first.between.trim())}\\s*$`, 'u'),
  };
  const [, second] = two === undefined ? [] : placesOf(two);
  const again = second === undefined ? '' : commonEnd(second.before, first.before);
  const markers = [...new Set([first.before.trim(), again.trim()])].filter(marker => marker !== '');
  const between = second?.before.slice(0, second.before.length - again.length).trim();
  const closers = [...new Set([between ?? '', first.after.trim(), second?.after.trim() ?? ''])];
  const format: CallFormat = {
    markers,
    closers: closers.filter(closer => closer !== ''),
    forms: [{ type: 'named', head }],
  };
  return [one, ...(two === undefined ? [] : [two])].every(
    example => restAround(format, example)?.trim() === '',
  )
    ? format
    : undefined;
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

function commonEnd(a: string, b: string): string {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a.at(-1 - length) === b.at(-1 - length)) length++;
  return a.slice(a.length - length);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
