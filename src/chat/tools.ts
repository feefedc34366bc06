import { withDigitsOf } from '#exact-numbers.js';
import { movedSchema } from './moved-schema.js';

/** A function that a model may call, as OpenAI's API and chat templates have it. */
export interface FunctionTool {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description?: string;
    /** JSON Schema of the arguments; without one there are none. */
    readonly parameters?: Readonly<Record<string, unknown>>;
  };
  /** The tool as the client sent it, for templates, which may print all of it; undefined: as above. */
  readonly source?: object;
}

/** The functions that a model is to call. */
export type ToolChoice =
  /** As the model likes, none, or at least one. */
  | 'auto'
  | 'none'
  | 'required'
  /** The function of this name. */
  | { readonly name: string };

/** The arguments' schema of a function. */
export function argumentsSchema({
  function: { parameters },
}: FunctionTool): Readonly<Record<string, unknown>> {
  if (parameters === undefined || Object.keys(parameters).length === 0)
    return { type: 'object', properties: {}, additionalProperties: false };
  return withDigitsOf(parameters, { ...parameters, type: 'object' });
}

/**
 * The schema of a list of calls, `[{ "name": ..., "parameters": ... }]`.
 *
 * @param most how many calls it may have.
 */
export function callsSchema(
  tools: readonly FunctionTool[],
  most = Infinity,
): Readonly<Record<string, unknown>> {
  return {
    type: 'array',
    minItems: 1,
    ...(most !== Infinity && { maxItems: most }),
    items: {
      anyOf: tools.map((tool, index) => ({
        type: 'object',
        properties: {
          name: { const: tool.function.name },
          parameters: movedSchema(argumentsSchema(tool), `/items/anyOf/${index}/properties/parameters`),
        },
        required: ['name', 'parameters'],
        additionalProperties: false,
      })),
    },
  };
}
