import { isDeepStrictEqual } from 'node:util';
import type { preValidationAsyncHookHandler } from 'fastify';
import { invalidRequest } from '#errors.js';

/** A server whose clients are to find here what they are used to. */
export type Peer =
  'OpenAI' | 'vLLM' | 'llama.cpp' | 'TEI' | 'Cohere' | 'Jina' | 'LibreTranslate' | 'speaches' | 'whisper.cpp';

/** A field that the request types of other servers have, and what becomes of it here. */
export interface PeerField {
  /** Such as `temperature`, `stream_options.include_usage`, or `documents[].image` of each item of a list. */
  readonly name: string;
  readonly peers: readonly Peer[];
  /**
   * `honoured`: it does what it does there. `refused`: a value that asks for something is an error, since the
   * answer would not be what was asked for. `harmless`: it changes nothing of an answer, and is ignored.
   */
  readonly verdict: 'honoured' | 'refused' | 'harmless';
  /** Why it is refused, or what makes it harmless; follows "is not supported: ". */
  readonly why?: string;
  /** Of a field that is refused: values that ask for nothing, and pass as null does. */
  readonly neutral?: readonly unknown[];
}

/** Values that ask for nothing in most fields. */
export const NOTHING: readonly unknown[] = [false, []];

/** Fields that do here what they do at the peers. */
export function honoured(peers: readonly Peer[], ...names: string[]): PeerField[] {
  return names.map(name => ({ name, peers, verdict: 'honoured' }));
}

/** Fields that change nothing of an answer. @param why that is so. */
export function harmless(peers: readonly Peer[], why: string, ...names: string[]): PeerField[] {
  return names.map(name => ({ name, peers, verdict: 'harmless', why }));
}

/**
 * Fields that are refused where they ask for something.
 *
 * @param why follows "is not supported: ".
 * @param neutral values, beside null, that ask for nothing, instead of false and the empty list.
 */
export function refused(
  peers: readonly Peer[],
  why: string,
  names: readonly string[],
  neutral: readonly unknown[] = NOTHING,
): PeerField[] {
  return names.map(name => ({ name, peers, verdict: 'refused', why, neutral }));
}

/**
 * A route's `preValidation` that refuses what the table says. It comes before the schema, so that clients are
 * told why a field is refused, not of which type it is not.
 *
 * @throws KvasirError `invalid_request` with the field, such as `structured_outputs.grammar`.
 */
export function refuseFields(fields: readonly PeerField[]): preValidationAsyncHookHandler {
  const refusals = new Map<string, PeerField[]>();
  for (const field of fields) {
    if (field.verdict !== 'refused') continue;
    const first = /^[^.[]+/.exec(field.name)![0];
    refusals.set(first, [...(refusals.get(first) ?? []), field]);
  }
  return async ({ body }) => {
    if (typeof body !== 'object' || body === null) return;
    for (const key of Object.keys(body))
      for (const { name, why, neutral } of refusals.get(key) ?? [])
        for (const [param, value] of valuesAt(body, name.split('.')))
          if (asksForSomething(value, neutral ?? NOTHING))
            throw invalidRequest(param, `${param} is not supported: ${why}`);
  };
}

/** Items of a list that are looked through. */
const MOST_ITEMS = 65_536;

/** The values that a path leads to, each with its own path; those that are missing are left out. */
function* valuesAt(
  root: object,
  [part, ...rest]: readonly string[],
  place = '',
): Generator<readonly [param: string, value: unknown]> {
  const isList = part!.endsWith('[]');
  const key = isList ? part!.slice(0, -2) : part!;
  if (!Object.hasOwn(root, key)) return;
  const value: unknown = root[key as keyof typeof root];
  const path = place === '' ? key : `${place}.${key}`;
  if (!isList) {
    yield* within(value, rest, path);
    return;
  }
  const items = Array.isArray(value) ? (value as unknown[]) : [];
  // No schema has longer lists.
  for (let i = 0; i < Math.min(items.length, MOST_ITEMS); i++)
    if (rest.length === 0 || typeof items[i] === 'object') yield* within(items[i], rest, `${path}[${i}]`);
}

/** The value itself, or those that the rest of a path leads to. */
function* within(value: unknown, rest: readonly string[], path: string): ReturnType<typeof valuesAt> {
  if (rest.length === 0) yield [path, value];
  else if (typeof value === 'object' && value !== null) yield* valuesAt(value, rest, path);
}

function asksForSomething(value: unknown, neutral: readonly unknown[]): boolean {
  if (value === null || value === undefined) return false;
  return !neutral.some(other => isDeepStrictEqual(other, value));
}

/** The end of a request schema's description: which fields are not honoured. */
export function fieldsDescription(fields: readonly PeerField[]): string {
  const named = (verdict: PeerField['verdict']): string =>
    fields
      .filter(field => field.verdict === verdict)
      .map(({ name }) => `\`${name}\``)
      .join(', ');
  const sentences = [
    ['Refused where they ask for something', named('refused')],
    ['Taken and ignored, since they change nothing of an answer', named('harmless')],
  ] as const;
  return [
    ...sentences.filter(([, names]) => names !== '').map(([text, names]) => `${text}: ${names}.`),
    'Fields that neither this server nor its peers know are ignored.',
  ].join(' ');
}
