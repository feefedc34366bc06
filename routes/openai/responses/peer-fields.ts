import { harmless, honoured, refused, type PeerField } from '#routes/shared/peer-fields.js';
import { conversationFields, generationFields } from '../generation-fields.js';

const NOTHING_STORED = 'nothing is stored, send the whole conversation';

/** What becomes of each field that peers have in a request for a response. */
export const responsePeerFields: readonly PeerField[] = [
  ...honoured(
    ['OpenAI', 'vLLM', 'llama.cpp'],
    'input',
    'instructions',
    'max_output_tokens',
    'text.format.type',
    'text.format.schema',
    'metadata',
  ),
  ...harmless(
    ['OpenAI', 'vLLM'],
    'the schema always holds, and the prompt says what it is for',
    'text.format.name',
    'text.format.description',
    'text.format.strict',
  ),
  ...conversationFields,
  ...generationFields,
  ...refused(['OpenAI', 'vLLM'], NOTHING_STORED, [
    'previous_response_id',
    'background',
    'background_options',
    'prompt',
    'conversation',
    'context_management',
  ]),
  ...refused(['vLLM'], NOTHING_STORED, ['previous_response', 'previous_input_messages']),
  ...refused(['vLLM'], 'use return_token_ids', ['enable_response_messages']),
  ...refused(['OpenAI'], 'say in a message how long the answer is to be', ['text.verbosity'], ['medium']),
  ...harmless(['OpenAI', 'vLLM'], 'the server calls no tools itself', 'max_tool_calls'),
];
