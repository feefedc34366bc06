/** A value of a field; null is an empty text, as pages send it. */
export type FormValue = string | number | boolean | null | Blob | readonly FormValue[] | FormValues;

export interface FormValues {
  readonly [name: string]: FormValue | undefined;
}

/** A form as OpenAI's clients write it: lists are `name[]`, and members of objects `name[key]`. */
export function formOf(fields: FormValues): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) add(form, name, value);
  return form;
}

function add(form: FormData, name: string, value: FormValue | undefined): void {
  if (value === undefined) return;
  if (value instanceof Blob) form.append(name, value, 'recording');
  else if (value === null) form.append(name, '');
  else if (isList(value)) {
    // Of a list without items there is no other form.
    if (value.length === 0) form.append(name, '[]');
    for (const item of value) add(form, `${name}[]`, item);
  } else if (typeof value === 'object') {
    if (Object.keys(value).length === 0) form.append(name, '{}');
    for (const [key, member] of Object.entries(value)) add(form, `${name}[${key}]`, member);
  } else form.append(name, String(value));
}

function isList(value: FormValue): value is readonly FormValue[] {
  return Array.isArray(value);
}
