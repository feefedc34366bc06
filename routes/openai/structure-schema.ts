import { Type, type Static, type TObject } from 'typebox';
import { STRUCTURE_LIMITS } from '#api/generation/structured.js';
import { mapOf } from '#http/schemas/map-of.js';
import { nullable } from '#http/schemas/nullable.js';

const { characters, members, pattern } = STRUCTURE_LIMITS;

const SchemaObject = mapOf(Type.Unknown(), { maxProperties: members });

const Schema = Type.Union([SchemaObject, Type.Boolean(), Type.String({ maxLength: characters })], {
  description: 'A JSON Schema, as an object or as text.',
});

const Pattern = Type.String({ maxLength: pattern });

const Choices = Type.Array(Type.String({ minLength: 1, maxLength: pattern }), {
  minItems: 1,
  maxItems: members,
});

/** What OpenAI calls `response_format`. */
export const ResponseFormat = Type.Object(
  {
    type: Type.String({ enum: ['text', 'json_object', 'json_schema'] }),
    json_schema: nullable(
      Type.Object({
        name: nullable(Type.String({ description: 'For people; ignored.' })),
        description: nullable(Type.String({ description: 'Ignored: say in the prompt what you want.' })),
        schema: nullable(SchemaObject),
        strict: nullable(Type.Boolean({ description: 'Ignored: the schema always holds.' })),
      }),
    ),
    schema: nullable({
      ...SchemaObject,
      description: "Only with `json_object`: a schema that it is valid for, as llama.cpp's clients send it.",
    } as typeof SchemaObject),
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

/** vLLM's fields that say what form an answer has. Of these, and of OpenAI's, at most one is given. */
export const structureFields = {
  guided_json: nullable({
    ...Schema,
    description: 'The answer is JSON that is valid for this schema.',
  } as typeof Schema),
  guided_regex: nullable({
    ...Pattern,
    description: 'The answer is what this regular expression matches as a whole.',
    examples: ['\\d{4}-\\d{2}'],
  } as typeof Pattern),
  guided_choice: nullable({
    ...Choices,
    description: 'The answer is one of these texts.',
    examples: [['yes', 'no']],
  } as typeof Choices),
  structured_outputs: nullable(
    Type.Object(
      {
        json: nullable(Schema),
        json_object: nullable(Type.Boolean()),
        regex: nullable(Pattern),
        choice: nullable(Choices),
      },
      {
        description: "vLLM's newer name for the `guided_` fields. Exactly one is given, and no other field.",
      },
    ),
  ),
};

/** OpenAI's field for it in completions and chats. */
export const responseFormatField = { response_format: nullable(ResponseFormat) };

export type StructureFields = Static<TObject<typeof structureFields>>;
export type ResponseFormat = Static<typeof ResponseFormat>;
