import { invalidRequest } from '#errors.js';
import { parseJsonField } from '#http/json.js';
import type { AskedStructure } from '#api/generation/structured.js';
import type { Structure } from '#structured/index.js';
import { structurePeerFields } from './generation-fields.js';
import type { ResponseFormat, StructureFields } from './structure-schema.js';

const OUTPUTS = 'structured_outputs';

/** Fields of `structured_outputs` that are known, refused ones included. */
const KINDS: ReadonlySet<string> = new Set(
  structurePeerFields.flatMap(({ name }) =>
    name.startsWith(`${OUTPUTS}.`) ? [name.slice(OUTPUTS.length + 1)] : [],
  ),
);

/**
 * The structure that a request asks for, if any.
 *
 * @param format what a field of another API asks for.
 * @throws KvasirError `invalid_request` where it asks for several, or for one that is incomplete.
 */
export function askedStructure(
  fields: StructureFields,
  format: AskedStructure | undefined,
): AskedStructure | undefined {
  const { [OUTPUTS]: outputs } = fields;
  const asked: AskedStructure[] = format === undefined ? [] : [format];
  const add = (param: string, structure: Structure): void => void asked.push({ param, structure });
  for (const [param, json] of [
    ['guided_json', fields.guided_json],
    ['structured_outputs.json', outputs?.json],
  ] as const)
    if (json !== undefined && json !== null) add(param, { kind: 'schema', schema: parsed(json, param) });
  for (const [param, pattern] of [
    ['guided_regex', fields.guided_regex],
    ['structured_outputs.regex', outputs?.regex],
  ] as const)
    if (pattern !== undefined && pattern !== null) add(param, { kind: 'regex', pattern });
  for (const [param, choices] of [
    ['guided_choice', fields.guided_choice],
    ['structured_outputs.choice', outputs?.choice],
  ] as const)
    if (choices) add(param, { kind: 'choice', choices });
  if (outputs?.json_object) add('structured_outputs.json_object', { kind: 'object' });
  if (outputs) checkOutputs(outputs, asked);

  const [first, second] = asked;
  if (second !== undefined)
    throw invalidRequest(second.param, `${second.param} is allowed only without ${first!.param}`);
  return first;
}

/** A misspelt kind, or none, must not leave the answer without its form. */
function checkOutputs(
  outputs: NonNullable<StructureFields['structured_outputs']>,
  asked: readonly AskedStructure[],
): void {
  for (const [kind, value] of Object.entries(outputs)) {
    if (KINDS.has(kind) || value === null) continue;
    const param = `${OUTPUTS}.${kind}`;
    throw invalidRequest(param, `${param} is not known: expected json, json_object, regex or choice`);
  }
  if (!asked.some(({ param }) => param.startsWith(OUTPUTS)))
    throw invalidRequest(OUTPUTS, `${OUTPUTS} must have one of json, json_object, regex or choice`);
}

/**
 * What OpenAI's `response_format` asks for.
 *
 * @throws KvasirError `invalid_request` where the schema is missing, or not in its place.
 */
export function askedResponseFormat(format: ResponseFormat | null | undefined): AskedStructure | undefined {
  if (!format) return undefined;
  const { type, json_schema: named, schema } = format;
  const place = 'response_format';
  if (named && type !== 'json_schema') throw misplaced(`${place}.json_schema`, 'json_schema');
  if (type !== 'json_schema') return plainFormat(place, type, schema);
  if (!named) throw invalidRequest(`${place}.json_schema`, `${place}.json_schema is required`);
  if (schema) throw invalidRequest(`${place}.schema`, `${place}.schema must be in ${place}.json_schema`);
  return schemaFormat(`${place}.json_schema.schema`, named.schema);
}

/**
 * What `text.format` of OpenAI's Responses API asks for.
 *
 * @throws KvasirError `invalid_request` where the schema is missing, or not in its place.
 */
export function askedTextFormat(
  format: { readonly type: string; readonly schema?: object | null } | null | undefined,
): AskedStructure | undefined {
  if (!format) return undefined;
  const { type, schema } = format;
  if (type === 'json_schema') return schemaFormat('text.format.schema', schema);
  return plainFormat('text.format', type, schema);
}

function schemaFormat(param: string, schema: object | null | undefined): AskedStructure {
  if (!schema) throw invalidRequest(param, `${param} is required`);
  return { param, structure: { kind: 'schema', schema } };
}

/** Any text; or a JSON object, for which a schema may be given. */
function plainFormat(
  place: string,
  type: string,
  schema: object | null | undefined,
): AskedStructure | undefined {
  if (type === 'json_object')
    return schema ? schemaFormat(`${place}.schema`, schema) : { param: place, structure: { kind: 'object' } };
  if (schema) throw misplaced(`${place}.schema`, 'json_object');
  return undefined;
}

function misplaced(param: string, type: string): Error {
  return invalidRequest(param, `${param} is allowed only where the type is ${type}`);
}

/** A schema that was given as text. */
function parsed(json: unknown, param: string): unknown {
  return typeof json === 'string' ? parseJsonField(json, param) : json;
}
