import type { Test } from 'tap';
import type { PeerField } from '#routes/shared/peer-fields.js';
import { formOf } from '#test/support/audio-form.js';

/** An answer, whole or as the text of its stream. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Sends a body to the route under test; fields of the route's plain request are there unless it has them. */
export type Ask = (body: object) => Promise<Answer>;

/** Asserts what the peers' documentation promises of one field. */
export type FieldCase = (ask: Ask, t: Test) => Promise<unknown>;

/** A route, the fields that peers have there, and an assertion for each that is honoured. */
export interface Contract {
  readonly path: string;
  /** A request that is answered. */
  readonly plain: object;
  /** Bodies are forms, not JSON. */
  readonly isForm?: boolean;
  readonly fields: readonly PeerField[];
  readonly cases: Readonly<Record<string, FieldCase>>;
}

/** What must stand beside nested fields, by their beginnings. */
const BESIDE: Readonly<Record<string, object>> = {
  'stream_options.': { stream: true },
  'response_format.': { response_format: { type: 'json_schema', json_schema: { schema: { const: 1 } } } },
  'text.format.': { text: { format: { type: 'text' } } },
  'structured_outputs.': { structured_outputs: { choice: ['yes'] } },
};

/**
 * Checks over a socket what is said of each field of each peer: what is honoured does what it promises, what
 * is refused is refused by its name, and what is harmless changes nothing.
 */
export function checkContract(
  t: Test,
  url: string,
  { path, plain, isForm = false, fields, cases }: Contract,
): void {
  const ask: Ask = async body => {
    const fields = { ...plain, ...body };
    const response = await fetch(url + path, {
      method: 'POST',
      ...(isForm
        ? { body: formOf(fields) }
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) }),
    });
    const type = response.headers.get('content-type') ?? '';
    return { status: response.status, type, text: await response.text() };
  };
  const of = (verdict: PeerField['verdict']) => fields.filter(field => field.verdict === verdict);
  t.test(`${path}: every honoured field has its assertion, and no other`, async t => {
    t.strictSame(
      Object.keys(cases).sort(),
      of('honoured')
        .map(({ name }) => name)
        .sort(),
    );
  });
  for (const { name } of of('honoured')) t.test(`${path} ${name}: passes`, async t => cases[name]?.(ask, t));
  t.test(`${path}: what is not offered is refused by its name`, async t => {
    for (const { name, neutral = [] } of of('refused')) {
      const value = [true, 'x', 7].find(other => !neutral.includes(other));
      const { status, text } = await ask(nested(name, value, plain));
      t.equal(status, 400, `${name} is refused by design`);
      t.match(text, name.replaceAll('[]', '[0]'), name);
    }
  });
  t.test(`${path}: harmless fields change nothing`, async t => {
    for (const { name } of of('harmless')) {
      const beside = Object.entries(BESIDE).find(([prefix]) => name.startsWith(prefix))?.[1] ?? {};
      const [without, answer] = await Promise.all([
        ask(beside),
        ask(nested(name, name.endsWith('strict') ? true : 'x', { ...plain, ...beside })),
      ]);
      t.equal(answer.status, 200, answer.text);
      t.equal(content(answer.text), content(without.text), name);
    }
  });
}

/** A body with one more field, in what the plain request has in its place. */
function nested(name: string, value: unknown, plain: object): object {
  const [part, ...rest] = name.split('.');
  const key = part!.replace('[]', '');
  if (rest.length === 0) return { ...plain, [key]: value };
  const own: unknown = plain[key as keyof typeof plain];
  if (!part!.endsWith('[]')) return { ...plain, [key]: nested(rest.join('.'), value, Object(own) as object) };
  const [first, ...others] = own as object[];
  return { ...plain, [key]: [nested(rest.join('.'), value, first!), ...others] };
}

/** An answer without what is different each time, or is given back as it came. */
function content(text: string): string {
  const volatile =
    /,?"(id|item_id|created|created_at|cached_tokens|name|description|strict)":("[^"]*"|\d+|true)/g;
  return text.replaceAll(volatile, '');
}
