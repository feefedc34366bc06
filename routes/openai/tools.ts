import type { FunctionTool } from '#chat/tools.js';
import type { FunctionDefinition } from './message-schema.js';

/**
 * A tool without the fields that are null.
 *
 * @param source the tool as templates are to see it: all that the client sent, in its order.
 */
export function functionTool(
  { name, description, parameters }: FunctionDefinition,
  source: object,
): FunctionTool {
  return {
    type: 'function',
    function: {
      name,
      ...(typeof description === 'string' && { description }),
      ...(parameters && { parameters }),
    },
    source,
  };
}
