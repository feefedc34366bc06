import { Ajv2020 } from 'ajv/dist/2020.js';
import type { DataValidationCxt } from 'ajv/dist/types/index.js';
import addFormats from 'ajv-formats';
import { digitsOf } from '#exact-numbers.js';

const ajv = new Ajv2020({ strict: false, ownProperties: true });
// By the digits of the text, where doubles have lost some of a large number.
ajv.removeKeyword('multipleOf').addKeyword({
  keyword: 'multipleOf',
  type: 'number',
  schemaType: 'number',
  validate: (divisor: number, value: number, _: unknown, context?: DataValidationCxt): boolean => {
    const { parentData = {}, parentDataProperty = '' } = context ?? {};
    const digits = digitsOf(parentData, String(parentDataProperty));
    return digits === undefined ? value % divisor === 0 : BigInt(digits) % BigInt(divisor) === 0n;
  },
});
(addFormats as unknown as (instance: Ajv2020) => void)(ajv);

/** @returns why a value is not valid for a schema, as ajv judges it; undefined if it is valid. */
export function faultOf(value: unknown, schema: boolean | object): string | undefined {
  const validate = ajv.compile(schema);
  return validate(value) ? undefined : ajv.errorsText(validate.errors);
}
