import { invalidRequest } from '#errors.js';
import { parseJsonField } from '#http/json.js';
import type { AskedStructure } from '#api/generation/structured.js';
import type { Structure } from '#structured/index.js';
import type { StructureFields } from './structure-schema.js';

/**
 * The structure that a request asks for, if any.
 *
 * @throws KvasirError `invalid_request` where it asks for several.
 */
export function askedStructure(fields: StructureFields): AskedStructure | undefined {
  const { response_format: format, structured_outputs: outputs } = fields;
  const asked: AskedStructure[] = [];
  const add = (param: string, structure: Structure): void => void asked.push({ param, structure });
  if (format?.type === 'json_object') add('response_format', { kind: 'object' });
  if (format?.type === 'json_schema')
    add('response_format.json_schema.schema', { kind: 'schema', schema: format.json_schema?.schema ?? {} });
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

  const [first, second] = asked;
  if (second !== undefined)
    throw invalidRequest(second.param, `${second.param} is allowed only without ${first!.param}`);
  return first;
}

/** A schema that was given as text. */
function parsed(json: unknown, param: string): unknown {
  return typeof json === 'string' ? parseJsonField(json, param) : json;
}
