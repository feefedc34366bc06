import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const ajv = new Ajv2020({ strict: false, ownProperties: true });
(addFormats as unknown as (instance: Ajv2020) => void)(ajv);

/** @returns why a value is not valid for a schema, as ajv judges it; undefined if it is valid. */
export function faultOf(value: unknown, schema: boolean | object): string | undefined {
  const validate = ajv.compile(schema);
  return validate(value) ? undefined : ajv.errorsText(validate.errors);
}
