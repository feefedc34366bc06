import { Type, type Static, type TObject } from '@fastify/type-provider-typebox';
import { nullable } from '#http/schemas/nullable.js';

/** Most characters of a regular expression. */
const MAX_PATTERN = 65_536;

const Choice = Type.String({ minLength: 1, maxLength: 4096 });

const Schema = Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Boolean(), Type.String()], {
  description: 'A JSON Schema, as an object or as text.',
});

/** What OpenAI calls `response_format`. */
export const ResponseFormat = Type.Object(
  {
    type: Type.String({ enum: ['text', 'json_object', 'json_schema'] }),
    json_schema: nullable(
      Type.Object({
        name: nullable(Type.String({ description: 'For people; ignored.' })),
        description: nullable(Type.String({ description: 'Ignored: say in the prompt what you want.' })),
        schema: nullable(Type.Record(Type.String(), Type.Unknown())),
        strict: nullable(Type.Boolean({ description: 'Ignored: the schema always holds.' })),
      }),
    ),
  },
  {
    description:
      '`json_object`: a JSON object; `json_schema`: JSON that is valid for the schema. What cannot be followed of a schema is refused.',
    examples: [
      {
        type: 'json_schema',
        json_schema: {
          name: 'person',
          schema: {
            type: 'object',
            properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
            required: ['name', 'age'],
          },
        },
      },
    ],
  },
);

/** The fields that say what form an answer has: OpenAI's, then vLLM's. At most one is given. */
export const structureFields = {
  response_format: nullable(ResponseFormat),
  guided_json: nullable({
    ...Schema,
    description: 'The answer is JSON that is valid for this schema.',
  } as typeof Schema),
  guided_regex: nullable(
    Type.String({
      maxLength: MAX_PATTERN,
      description: 'The answer is what this regular expression matches as a whole.',
      examples: ['\\d{4}-\\d{2}'],
    }),
  ),
  guided_choice: nullable(
    Type.Array(Choice, {
      minItems: 1,
      maxItems: 4096,
      description: 'The answer is one of these texts.',
      examples: [['yes', 'no']],
    }),
  ),
  structured_outputs: nullable(
    Type.Object(
      {
        json: nullable(Schema),
        json_object: nullable(Type.Boolean()),
        regex: nullable(Type.String({ maxLength: MAX_PATTERN })),
        choice: nullable(Type.Array(Choice, { minItems: 1, maxItems: 4096 })),
      },
      { description: "vLLM's newer name for the `guided_` fields." },
    ),
  ),
};

export type StructureFields = Static<TObject<typeof structureFields>>;
