import type { FunctionTool } from '#chat/tools.js';
import type { FunctionDefinition } from './message-schema.js';

/** A tool without the fields that are null. */
export function functionTool({ name, description, parameters }: FunctionDefinition): FunctionTool {
  return {
    type: 'function',
    function: { name, ...(description && { description }), ...(parameters && { parameters }) },
  };
}
