import { parseJsonIfAny } from '../json.js';
import type { FormEntry } from './multipart.js';
import { UploadedFile } from './uploaded-file.js';

/** As much of a JSON Schema as says what a text is to become. */
interface FormSchema {
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly FormSchema[];
  readonly items?: FormSchema;
  readonly properties?: Readonly<Record<string, FormSchema>>;
}

/** A list of what has the same name, an object of names in brackets, or a value. */
type Node = string | UploadedFile | Node[] | { [name: string]: Node };

/** Of a field that the schema does not name: whatever its text looks like. */
const ANY: FormSchema = { type: ['number', 'boolean', 'array', 'object', 'string'] };

/** Deepest name: `a[b][c]`. */
const MAX_DEPTH = 4;

/**
 * The body that a form stands for. Forms have texts only: they become numbers, booleans, lists and objects where
 * the schema has these, and stay as they are where they are none, so that the schema can say what is wrong.
 *
 * - `name[]` and a `name` that is there several times are lists; in place of a list there may be one item.
 * - `name[key]` is a member of an object; lists and objects may be JSON texts, too.
 * - An empty text is null: pages send every field that they have.
 * - A field that the schema does not name is what its text looks like.
 *
 * @param schema a JSON Schema of an object.
 */
export function formBody(entries: readonly FormEntry[], schema: object): object {
  // Without a prototype: names are the client's.
  const root = emptyObject();
  for (const [name, value] of entries) put(root, pathOf(name), value);
  return typed(root, schema) as object;
}

function emptyObject(): { [name: string]: Node } {
  return Object.create(null) as { [name: string]: Node };
}

/** `a[b][]` is a, b and an empty part. */
function pathOf(name: string): string[] {
  const [, first, rest] = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name) ?? [];
  if (first === undefined) return [name];
  const path = [first, ...[...rest!.matchAll(/\[([^[\]]*)\]/g)].map(([, part]) => part!)];
  return path.length > MAX_DEPTH ? [name] : path;
}

function put(object: { [name: string]: Node }, [name, ...rest]: readonly string[], value: Node): void {
  const old = object[name!];
  if (rest.length === 0 || rest[0] === '') {
    if (Array.isArray(old)) old.push(value);
    else if (old !== undefined) object[name!] = [old, value];
    else object[name!] = rest.length === 0 ? value : [value];
    return;
  }
  const isObject = typeof old === 'object' && !Array.isArray(old) && !(old instanceof UploadedFile);
  const inner = isObject ? old : emptyObject();
  object[name!] = inner;
  put(inner, rest, value);
}

function typed(node: Node, schema: FormSchema): unknown {
  const forms = [schema, ...(schema.anyOf ?? [])];
  const has = (type: string): boolean => forms.some(form => [form.type ?? []].flat().includes(type));
  if (node instanceof UploadedFile) return node;
  if (Array.isArray(node)) {
    const items = forms.find(({ items }) => items)?.items ?? {};
    return node.map(item => typed(item, items));
  }
  if (typeof node === 'object') {
    const properties = forms.find(({ properties }) => properties)?.properties ?? {};
    const object = emptyObject() as Record<string, unknown>;
    for (const [name, value] of Object.entries(node))
      object[name] = typed(value, Object.hasOwn(properties, name) ? properties[name]! : ANY);
    return object;
  }
  return typedText(node, has, item => typed(item, forms.find(({ items }) => items)?.items ?? {}));
}

function typedText(text: string, has: (type: string) => boolean, item: (text: string) => unknown): unknown {
  const trimmed = text.trim();
  if (text === '') return null;
  if ((has('number') || has('integer')) && trimmed !== '' && Number.isFinite(Number(trimmed)))
    return Number(trimmed);
  if (has('boolean')) {
    if (/^(true|yes|on|1)$/i.test(trimmed)) return true;
    if (/^(false|no|off|0)$/i.test(trimmed)) return false;
  }
  if ((has('array') && trimmed.startsWith('[')) || (has('object') && trimmed.startsWith('{'))) {
    const parsed = parseJsonIfAny(trimmed, 'a field of the form');
    if (parsed !== undefined) return parsed.value;
  }
  return has('array') && !has('string') ? [item(text)] : text;
}
