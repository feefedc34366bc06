import type { FastifySchemaValidationError } from 'fastify/types/schema.js';
import { KvasirError, invalidRequest } from '#errors.js';

/** As much of a JSON Schema as is needed to say what it expects. */
interface Expectation {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  /** Names one value, where the type says too little: `token id`. */
  readonly title?: string;
  readonly const?: unknown;
  readonly items?: Expectation;
  readonly properties?: Readonly<Record<string, Expectation>>;
  readonly anyOf?: readonly Expectation[];
  /** Its title names what the keys of an object are. */
  readonly propertyNames?: Expectation;
}

/** Ajv's error with its `verbose` option. */
interface SchemaError extends FastifySchemaValidationError {
  readonly parentSchema?: Expectation;
  /** The value at fault. */
  readonly data?: unknown;
}

/**
 * Ajv's settings for bodies that OpenAI's clients send: `prompt: [5]` stays a list, `null` stays null,
 * unknown keys stay where they are (and are ignored), and defaults are filled in by whoever reads the field,
 * who has to treat null like absence anyhow. The schemas themselves are not checked at each start, which takes longer than to read them:
 * the checks of openapi.yaml, which is written of them, do that.
 */
export const AJV_OPTIONS = {
  validateSchema: false,
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: false,
  allowUnionTypes: true,
  verbose: true,
} as const;

/** Ajv's errors as one sentence about one field, such as `temperature must be <= 2`. */
export function validationError(errors: FastifySchemaValidationError[], part: string): KvasirError {
  const error = principal(errors);
  const place = fieldName(error.instancePath);
  const { keyword, params } = error;
  if (keyword === 'required') {
    const param =
      place === '' ? String(params.missingProperty) : `${place}.${String(params.missingProperty)}`;
    return invalidRequest(param, `${param} is required`);
  }
  const message = `${place === '' ? `the ${part}` : place} ${complaint(error)}`;
  return new KvasirError('invalid_request', message, place === '' ? {} : { param: place });
}

/** Limits: of a value that is of the right type, they say what is wrong with it. */
const LIMITS: ReadonlySet<string> = new Set([
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minProperties',
  'maxProperties',
  'propertyNames',
  'pattern',
  'enum',
]);

/**
 * The error to report: the last one is the outermost. Of a union, the member that the value was meant for
 * speaks: the only one of its type, or else one of its type whose limit it breaks.
 */
function principal(errors: readonly SchemaError[]): SchemaError {
  const outermost = errors[errors.length - 1]!;
  if (outermost.keyword !== 'anyOf') return outermost;
  const { schemaPath, parentSchema, data } = outermost;
  const members = (parentSchema?.anyOf ?? []).flatMap((schema, index) => {
    const isOther = refersTo(schema);
    const own = errors.filter(
      error =>
        error.schemaPath.startsWith(`${schemaPath}/${index}/`) ||
        // Paths begin anew in a schema that is referred to.
        (isOther && rootOf(error) !== rootOf(outermost)),
    );
    return own.length > 0 ? [{ schema, own }] : [];
  });
  const fitting = members.filter(({ schema }) => fits(schema, data));
  const meant = fitting.length > 0 ? fitting : members.filter(({ schema }) => isMeant(schema, data));
  const reports = meant.map(({ own }) => principal(own));
  if (reports.length === 1) return reports[0]!;
  if (reports.length === 0) return unknownKind(outermost) ?? outermost;
  if (reports.every(({ keyword }) => keyword === 'const'))
    return oneOf(
      outermost,
      reports.map(({ params }) => params.allowedValue),
    );
  return (fitting.length > 0 ? reports.find(({ keyword }) => LIMITS.has(keyword)) : undefined) ?? outermost;
}

/** The schema, itself or one that others refer to, that a path is seen from. */
function rootOf({ schemaPath }: SchemaError): string {
  return schemaPath.split('/', 1)[0]!;
}

/** Whether a schema, or that of its items, stands elsewhere. */
function refersTo({ $ref, items }: Expectation): boolean {
  return $ref !== undefined || items?.$ref !== undefined;
}

/** The error for an object whose constant field, such as `type`, is that of no member of the union. */
function unknownKind(union: SchemaError): SchemaError | undefined {
  const { parentSchema, data, instancePath } = union;
  if (!isOfType(data, 'object')) return undefined;
  const constants = (parentSchema?.anyOf ?? []).flatMap(({ properties = {} }) =>
    Object.entries(properties).flatMap(([key, { const: value }]) =>
      value === undefined ? [] : { key, value },
    ),
  );
  const key = constants[0]?.key;
  if (key === undefined || constants.some(other => other.key !== key)) return undefined;
  if (!Object.hasOwn(data as object, key))
    return { ...union, keyword: 'required', params: { missingProperty: key } };
  const place = { ...union, instancePath: `${instancePath}/${key}` };
  return oneOf(
    place,
    constants.map(({ value }) => value),
  );
}

function oneOf(error: SchemaError, allowed: readonly unknown[]): SchemaError {
  return { ...error, keyword: 'enum', params: { allowedValues: [...new Set(allowed)] } };
}

/** Whether a value is of the schema's type through and through, whatever limits it breaks; of a list, the first item tells. */
function fits(schema: Expectation, value: unknown): boolean {
  if (schema.const !== undefined) return schema.const === value;
  if (schema.anyOf !== undefined) return schema.anyOf.some(member => fits(member, value));
  if (!isMeant(schema, value)) return false;
  return !Array.isArray(value) || value.length === 0 || fits(schema.items ?? {}, value[0]);
}

/**
 * Whether a value is of the schema's type, and has the constant fields, such as `role`, that tell objects
 * apart.
 */
function isMeant(schema: Expectation, value: unknown): boolean {
  const expected = types(schema);
  if (expected.length > 0 && !expected.some(type => isOfType(value, type))) return false;
  return Object.entries(schema.properties ?? {}).every(
    ([key, property]) =>
      property.const === undefined || (Object(value) as Record<string, unknown>)[key] === property.const,
  );
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type && value !== null && !Array.isArray(value);
}

function complaint({ keyword, params, message, parentSchema }: SchemaError): string {
  switch (keyword) {
    case 'type':
    case 'anyOf':
      return `must be ${describe(parentSchema ?? { type: params.type as string })}`;
    case 'enum': {
      const allowed = (params.allowedValues as unknown[]).map(value => JSON.stringify(value));
      return `must be ${allowed.length > 1 ? 'one of ' : ''}${allowed.join(', ')}`;
    }
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`;
    case 'minItems':
      return `must have at least ${count(params.limit, 'item')}`;
    case 'maxItems':
      return `must have at most ${count(params.limit, 'item')}`;
    case 'minLength':
      return `must have at least ${count(params.limit, 'character')}`;
    case 'maxLength':
      return `must have at most ${count(params.limit, 'character')}`;
    case 'minProperties':
      return `must have at least ${count(params.limit, 'field')}`;
    case 'maxProperties':
      return `must have at most ${count(params.limit, 'field')}`;
    case 'propertyNames':
      return `has a field ${JSON.stringify(shortened(String(params.propertyName)))}, expected ${parentSchema?.propertyNames?.title ?? 'another name'}`;
    case 'additionalProperties':
      return `must not have a field ${JSON.stringify(shortened(String(params.additionalProperty)))}`;
    default:
      return message ?? 'is invalid';
  }
}

function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function count(limit: unknown, unit: string): string {
  return `${String(limit)} ${unit}${limit === 1 ? '' : 's'}`;
}

const NOUNS: Readonly<Record<string, string>> = { integer: 'integer', number: 'number', string: 'string' };

/** `a string, a list of strings or null`. */
function describe(schema: Expectation): string {
  const members = [
    ...new Set(schema.anyOf?.map(describe) ?? types(schema).map(type => describeType(type, schema))),
  ];
  const last = members.pop() ?? 'something else';
  return members.length === 0 ? last : `${members.join(', ')} or ${last}`;
}

function describeType(type: string, schema: Expectation): string {
  if (type === 'null') return 'null';
  const noun = singular(type, schema);
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

function singular(type: string, { title, items }: Expectation): string {
  if (type !== 'array') return title ?? NOUNS[type] ?? type;
  return items === undefined ? 'list' : `list of ${plural(items)}`;
}

function plural(schema: Expectation): string {
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(plural))].join(' or ');
  const [type, ...others] = types(schema);
  if (type === undefined || others.length > 0) return 'values';
  return type === 'array' ? singular(type, schema).replace('list', 'lists') : `${singular(type, schema)}s`;
}

function types({ type = [] }: Expectation): readonly string[] {
  return typeof type === 'string' ? [type] : type;
}

/** A JSON pointer as one would write it in code: `/stop/1` is `stop[1]`. */
function fieldName(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map(key => shortened(key.replaceAll('~1', '/').replaceAll('~0', '~')))
    .map((key, index) => (/^\d+$/.test(key) ? `[${key}]` : index === 0 ? key : `.${key}`))
    .join('');
}
